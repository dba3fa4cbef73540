"""HTTP: routes, uploads, authentication, headers, start of the server."""
