//! What an idle testbed costs, and how long things take.
