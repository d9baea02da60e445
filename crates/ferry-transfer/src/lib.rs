//! Which page of a guest crosses next, how it is framed, and what each side of a migration may do.
