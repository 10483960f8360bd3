"""How people watch and send: the web server, WHEP out, WHIP in, the shared encoders, the control channel."""
