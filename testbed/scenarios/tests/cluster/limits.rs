//! How many guests may move at once.
