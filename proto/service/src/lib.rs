//! weft-service
