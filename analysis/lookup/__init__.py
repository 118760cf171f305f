"""Look one package or one list up in the store, without the libraries that metrics and reports need."""
