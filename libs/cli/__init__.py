"""The command `hiddengem`: one module per group of verbs, loaded when its verb is given."""
