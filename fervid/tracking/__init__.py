"""Who is who from frame to frame: tracks, cuts, people and portraits of them."""
