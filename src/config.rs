//! The model as `docker compose config` prints it.
