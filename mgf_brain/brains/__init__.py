"""The Brain subclasses: how each kind of system is trained."""
