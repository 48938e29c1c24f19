"""Finding accounts below maintenance and bringing them back, in bounded work units, so that money is conserved."""
