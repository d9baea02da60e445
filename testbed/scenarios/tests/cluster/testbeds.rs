//! Testbeds that go up and down, whatever has happened to them.
