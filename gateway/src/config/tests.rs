//! The configuration as an operator meets it: files, variables, flags, and all faults at once.
