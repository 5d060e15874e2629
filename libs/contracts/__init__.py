"""Every message between services, one module per conversation; both ends import the same method."""
