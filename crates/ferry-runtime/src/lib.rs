//! What a process needs from the operating system, and nobody else asks it for.
