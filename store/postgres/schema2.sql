-- Schema 2 changes no table: new rows of content hold everything in raw, as
-- codec says (index.Raws), and nothing in pack and text. Programs that know
-- schema 1 alone would take that for empty.
SELECT 1;
