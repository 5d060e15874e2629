"""Who may come in: keys, roles, and routes that name the role they need."""
