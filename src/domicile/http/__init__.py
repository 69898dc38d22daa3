"""HTTP/1.1 on the wire, without input or output: heads, bodies, hosts."""
