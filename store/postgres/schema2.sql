-- Schema 2 changes no table: content.raw may be packed, as codec says
-- (index.Raws), which programs that know schema 1 alone do not look at.
SELECT 1;
