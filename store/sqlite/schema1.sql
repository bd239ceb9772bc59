-- Schema 1. Times are nanoseconds since 1970, 0 for none (comity.Nanos).

-- What the keeper itself remembers: hash key, last object number, text mark.
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE setting (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;

-- One row for each object version. Ids are found by their keyed 8-byte hash
-- and compared after the hit: a third of the index, and no aimed collisions.
CREATE TABLE object (
  oid      INTEGER PRIMARY KEY,
  idh      INTEGER NOT NULL,
  id       TEXT NOT NULL,
  type     TEXT NOT NULL,
  created  INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  creator  TEXT NOT NULL,
  name     TEXT NOT NULL,
  country  TEXT NOT NULL,
  revoked  INTEGER NOT NULL,
  tlp      INTEGER NOT NULL,
  handling INTEGER NOT NULL,
  state    INTEGER NOT NULL DEFAULT 0,
  why      TEXT NOT NULL DEFAULT '',
  stateat  INTEGER NOT NULL DEFAULT 0,
  origin   TEXT NOT NULL,
  door     TEXT NOT NULL,
  conflict INTEGER NOT NULL,
  latest   INTEGER NOT NULL,
  received INTEGER NOT NULL,
  digest   BLOB NOT NULL,
  size     INTEGER NOT NULL
) STRICT;
CREATE INDEX object_id ON object (idh);
CREATE INDEX object_type ON object (type) WHERE latest = 1;
CREATE INDEX object_creator ON object (creator) WHERE latest = 1 AND creator <> '';
CREATE INDEX object_origin ON object (origin) WHERE latest = 1;
CREATE INDEX object_past ON object (oid) WHERE latest = 0;
CREATE INDEX object_state ON object (state) WHERE latest = 1 AND state <> 0;

-- What erasure deletes. pack holds values and references (index.Pack).
CREATE TABLE content (
  oid   INTEGER PRIMARY KEY,
  codec INTEGER NOT NULL,
  pack  BLOB NOT NULL,
  text  TEXT NOT NULL,
  raw   BLOB NOT NULL
) STRICT;

-- Which versions carry a value or a reference: pairs of the keyed hash and the
-- number of the version (package index, Chunk). Pairs of large batches are
-- written as sorted runs, which are merged as they become many; the few of small
-- batches wait in fresh. Pairs of versions that are no longer current may stand
-- here until a merge leaves them out; pairs of erased ones do not.
CREATE TABLE fresh (
  h   INTEGER NOT NULL,
  oid INTEGER NOT NULL,
  PRIMARY KEY (h, oid)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
  n     INTEGER PRIMARY KEY,
  pairs INTEGER NOT NULL
) STRICT;

CREATE TABLE chunk (
  run   INTEGER NOT NULL,
  first BLOB NOT NULL,
  rest  BLOB NOT NULL,
  PRIMARY KEY (run, first)
) STRICT, WITHOUT ROWID;

-- Lengths of CIDR blocks that were ever stored.
CREATE TABLE prefix (
  kind INTEGER NOT NULL,
  bits INTEGER NOT NULL,
  PRIMARY KEY (kind, bits)
) STRICT, WITHOUT ROWID;

-- Texts up to meta 'text' are indexed here; later ones wait in content.
CREATE VIRTUAL TABLE words USING fts5 (
  body, content = '', detail = none, columnsize = 0,
  tokenize = "ascii tokenchars '='"
);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);

CREATE TABLE rollup (
  day     INTEGER NOT NULL,
  type    TEXT NOT NULL,
  country TEXT NOT NULL,
  creator TEXT NOT NULL,
  n       INTEGER NOT NULL,
  PRIMARY KEY (day, type, country, creator)
) STRICT, WITHOUT ROWID;

-- How each version came. import is importkey.n, 0 for none; channel is '' until
-- the channel entry that brought it is appended.
CREATE TABLE source (
  oid       INTEGER NOT NULL,
  door      TEXT NOT NULL,
  origin    TEXT NOT NULL,
  import    INTEGER NOT NULL,
  channel   TEXT NOT NULL,
  idx       INTEGER NOT NULL,
  agreement TEXT NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (oid, door, origin, import, channel, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX source_import ON source (import, oid) WHERE import <> 0;

CREATE TABLE importkey (
  n  INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE import (
  n        INTEGER PRIMARY KEY,
  source   TEXT NOT NULL,
  format   TEXT NOT NULL,
  mode     INTEGER NOT NULL,
  handling INTEGER NOT NULL,
  actor    TEXT NOT NULL,
  state    TEXT NOT NULL,
  started  INTEGER NOT NULL,
  finished INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  warned   INTEGER NOT NULL,
  same     INTEGER NOT NULL,
  refused  INTEGER NOT NULL,
  fault    TEXT NOT NULL
) STRICT;
CREATE INDEX import_started ON import (started, n);

CREATE TABLE refusal (
  import   INTEGER NOT NULL,
  n        INTEGER NOT NULL,
  place    TEXT NOT NULL,
  id       TEXT NOT NULL,
  raw      BLOB NOT NULL,
  cut      INTEGER NOT NULL,
  findings TEXT NOT NULL,
  PRIMARY KEY (import, n)
) STRICT;

CREATE TABLE collection (
  n           INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  alias       TEXT NOT NULL,
  title       TEXT NOT NULL,
  description TEXT NOT NULL,
  size        INTEGER NOT NULL,
  lastadded   INTEGER NOT NULL DEFAULT 0,
  created     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX collection_alias ON collection (alias) WHERE alias <> '';

-- added rises with seq, so a time is found by bisection. typeh is the keyed hash
-- of the type; place: 1 first version of its object here, 2 last, 3 both.
CREATE TABLE member (
  collection INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  oid        INTEGER NOT NULL,
  added      INTEGER NOT NULL,
  typeh      INTEGER NOT NULL,
  place      INTEGER NOT NULL,
  PRIMARY KEY (collection, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX member_page ON member (collection, oid);
CREATE INDEX member_type ON member (collection, typeh);

CREATE TABLE channel (
  n          INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  agreement  TEXT NOT NULL,
  publisher  TEXT NOT NULL,
  stream     TEXT NOT NULL,
  own        INTEGER NOT NULL,
  size       INTEGER NOT NULL,
  root       BLOB NOT NULL,
  signed     INTEGER NOT NULL,
  checkpoint BLOB NOT NULL,
  fault      TEXT NOT NULL,
  faultat    INTEGER NOT NULL,
  checkedat  INTEGER NOT NULL,
  created    INTEGER NOT NULL
) STRICT;

-- at = channel.n << 40 | index: one ordered tree for all channels. handleh and
-- objecth (of a put) are keyed hashes, 0 for none. Where an object stands in a
-- channel is read from the entries of its handle.
CREATE TABLE entry (
  at      INTEGER PRIMARY KEY,
  handleh INTEGER NOT NULL,
  objecth INTEGER NOT NULL,
  bytes   BLOB NOT NULL,
  kind    TEXT NOT NULL,
  handle  TEXT NOT NULL,
  rev     INTEGER NOT NULL,
  nonce   BLOB,
  header  BLOB,
  object  TEXT NOT NULL,
  oid     INTEGER NOT NULL,
  stored  INTEGER NOT NULL,
  blob    BLOB
) STRICT;
CREATE INDEX entry_oid ON entry (oid) WHERE oid <> 0;
CREATE INDEX entry_handle ON entry (handleh) WHERE handleh <> 0;
CREATE INDEX entry_object ON entry (objecth) WHERE objecth <> 0;

CREATE TABLE tile (
  channel INTEGER NOT NULL,
  level   INTEGER NOT NULL,
  n       INTEGER NOT NULL,
  hashes  BLOB NOT NULL,
  PRIMARY KEY (channel, level, n)
) STRICT;

CREATE TABLE receipt (
  channel INTEGER NOT NULL,
  member  TEXT NOT NULL,
  size    INTEGER NOT NULL,
  root    BLOB NOT NULL,
  line    BLOB NOT NULL,
  at      INTEGER NOT NULL,
  PRIMARY KEY (channel, member)
) STRICT;

CREATE TABLE peer (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  country    TEXT NOT NULL,
  sector     TEXT NOT NULL,
  url        TEXT NOT NULL,
  identity   BLOB NOT NULL,
  state      TEXT NOT NULL,
  theyverified INTEGER NOT NULL,
  introduced INTEGER NOT NULL,
  verifiedat INTEGER NOT NULL,
  seenat     INTEGER NOT NULL,
  fault      TEXT NOT NULL,
  faultat    INTEGER NOT NULL
) STRICT;

CREATE TABLE agreement (
  n        INTEGER PRIMARY KEY,
  id       TEXT NOT NULL UNIQUE,
  chain    TEXT NOT NULL,
  body     BLOB NOT NULL,
  state    TEXT NOT NULL,
  received INTEGER NOT NULL,
  stateat  INTEGER NOT NULL,
  endedby  TEXT NOT NULL
) STRICT;

CREATE TABLE signature (
  agreement INTEGER NOT NULL,
  place     INTEGER NOT NULL,
  member    TEXT NOT NULL,
  line      BLOB NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (agreement, place)
) STRICT;

CREATE TABLE account (
  name     TEXT PRIMARY KEY,
  password TEXT NOT NULL,
  role     TEXT NOT NULL,
  lang     TEXT NOT NULL,
  created  INTEGER NOT NULL,
  lastseen INTEGER NOT NULL,
  disabled INTEGER NOT NULL
) STRICT;

CREATE TABLE secret (
  hash    BLOB PRIMARY KEY,
  kind    TEXT NOT NULL,
  account TEXT NOT NULL,
  label   TEXT NOT NULL,
  data    BLOB NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  used    INTEGER NOT NULL
) STRICT;
CREATE INDEX secret_expires ON secret (expires) WHERE expires <> 0;

CREATE TABLE status (
  id      TEXT PRIMARY KEY,
  body    BLOB NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX status_expires ON status (expires) WHERE expires <> 0;

CREATE TABLE job (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  kind    TEXT NOT NULL,
  key     TEXT NOT NULL,
  body    BLOB NOT NULL,
  runat   INTEGER NOT NULL,
  tries   INTEGER NOT NULL,
  last    TEXT NOT NULL,
  claimed INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX job_waiting ON job (kind, key) WHERE claimed = 0;
CREATE INDEX job_due ON job (kind, runat);

CREATE TABLE audit (
  n       INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  actor   TEXT NOT NULL,
  action  TEXT NOT NULL,
  subject TEXT NOT NULL,
  kind    TEXT NOT NULL,
  msg     TEXT NOT NULL
) STRICT;
