//! The codec as a whole; single parts are tested beside them.
