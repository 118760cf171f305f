"""Write, encode and read censuses."""
