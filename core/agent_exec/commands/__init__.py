"""One file per verb: typed in, typed out, nothing printed."""
