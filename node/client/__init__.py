"""Async client of the native protocol: signing, nonces, pipelining, reconnects, streams that resume. Start reading at `client`."""
