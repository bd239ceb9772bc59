-- Schema 1. Times are nanoseconds since 1970, 0 for none (comity.Nanos).

-- What the keeper itself remembers; one row. It is also the latch that makes
-- writers of objects wait for each other, so numbers rise in commit order.
CREATE TABLE keeper (
  one     boolean PRIMARY KEY DEFAULT true CHECK (one),
  hashkey bytea NOT NULL,
  oid     bigint NOT NULL,
  words   bigint NOT NULL
);

CREATE TABLE setting (
  name  text PRIMARY KEY,
  value bytea NOT NULL
);

-- One row for each object version. Ids are found by their keyed 8-byte hash
-- and compared after the hit: a third of the index, and no aimed collisions.
CREATE TABLE object (
  oid      bigint PRIMARY KEY,
  idh      bigint NOT NULL,
  id       text NOT NULL,
  type     text NOT NULL,
  created  bigint NOT NULL,
  modified bigint NOT NULL,
  creator  text NOT NULL,
  name     text NOT NULL,
  country  text NOT NULL,
  revoked  boolean NOT NULL,
  tlp      bigint NOT NULL,
  handling bigint NOT NULL,
  state    bigint NOT NULL DEFAULT 0,
  why      text NOT NULL DEFAULT '',
  stateat  bigint NOT NULL DEFAULT 0,
  origin   text NOT NULL,
  door     text NOT NULL,
  conflict boolean NOT NULL,
  latest   boolean NOT NULL,
  received bigint NOT NULL,
  digest   bytea NOT NULL,
  size     bigint NOT NULL
);
CREATE INDEX object_id ON object (idh);
CREATE INDEX object_latest ON object (oid) WHERE latest;
CREATE INDEX object_type ON object (type, oid) WHERE latest;
CREATE INDEX object_creator ON object (creator, oid) WHERE latest AND creator <> '';
CREATE INDEX object_origin ON object (origin, oid) WHERE latest;
CREATE INDEX object_state ON object (state, oid) WHERE latest AND state <> 0;

-- What erasure deletes. pack holds values and references (index.Pack).
CREATE TABLE content (
  oid   bigint PRIMARY KEY,
  codec bigint NOT NULL,
  pack  bytea NOT NULL,
  text  text NOT NULL,
  raw   bytea NOT NULL
);

-- Only current, non-erased versions stand in value, ref and words.
CREATE TABLE value (
  h   bigint NOT NULL,
  oid bigint NOT NULL,
  PRIMARY KEY (h, oid)
);

CREATE TABLE ref (
  h   bigint NOT NULL,
  oid bigint NOT NULL,
  PRIMARY KEY (h, oid)
);

-- Lengths of CIDR blocks that were ever stored.
CREATE TABLE prefix (
  kind bigint NOT NULL,
  bits bigint NOT NULL,
  PRIMARY KEY (kind, bits)
);

-- The words of current, non-erased versions, split by index.Words.
CREATE TABLE words (
  oid  bigint PRIMARY KEY,
  body tsvector NOT NULL
);
-- Words wait in a list of up to 16 MB before they are sorted into the tree, which
-- searches read through and autovacuum empties.
CREATE INDEX words_body ON words USING gin (body) WITH (fastupdate = on, gin_pending_list_limit = 16384);

CREATE TABLE rollup (
  day     bigint NOT NULL,
  type    text NOT NULL,
  country text NOT NULL,
  creator text NOT NULL,
  n       bigint NOT NULL,
  PRIMARY KEY (day, type, country, creator)
);

-- How each version came. import is importkey.n, 0 for none; channel is '' until
-- the channel entry that brought it is appended.
CREATE TABLE source (
  oid       bigint NOT NULL,
  door      text NOT NULL,
  origin    text NOT NULL,
  import    bigint NOT NULL,
  channel   text NOT NULL,
  idx       bigint NOT NULL,
  agreement text NOT NULL,
  at        bigint NOT NULL,
  PRIMARY KEY (oid, door, origin, import, channel, idx)
);
CREATE INDEX source_import ON source (import, oid) WHERE import <> 0;

CREATE TABLE importkey (
  n  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE
);

CREATE TABLE import (
  n        bigint PRIMARY KEY,
  source   text NOT NULL,
  format   text NOT NULL,
  mode     bigint NOT NULL,
  handling bigint NOT NULL,
  actor    text NOT NULL,
  state    text NOT NULL,
  started  bigint NOT NULL,
  finished bigint NOT NULL,
  bytes    bigint NOT NULL,
  accepted bigint NOT NULL,
  warned   bigint NOT NULL,
  same     bigint NOT NULL,
  refused  bigint NOT NULL,
  fault    text NOT NULL
);
CREATE INDEX import_started ON import (started, n);

CREATE TABLE refusal (
  import   bigint NOT NULL,
  n        bigint NOT NULL,
  place    text NOT NULL,
  id       text NOT NULL,
  raw      bytea NOT NULL,
  cut      boolean NOT NULL,
  findings text NOT NULL,
  PRIMARY KEY (import, n)
);

CREATE TABLE collection (
  n           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id          text NOT NULL UNIQUE,
  alias       text NOT NULL,
  title       text NOT NULL,
  description text NOT NULL,
  size        bigint NOT NULL,
  lastadded   bigint NOT NULL DEFAULT 0,
  created     bigint NOT NULL
);
CREATE UNIQUE INDEX collection_alias ON collection (alias) WHERE alias <> '';

-- added rises with seq. typeh is the keyed hash of the type; place: 1 first
-- version of its object here, 2 last, 3 both.
CREATE TABLE member (
  collection bigint NOT NULL,
  seq        bigint NOT NULL,
  oid        bigint NOT NULL,
  added      bigint NOT NULL,
  typeh      bigint NOT NULL,
  place      bigint NOT NULL,
  PRIMARY KEY (collection, seq)
);
CREATE UNIQUE INDEX member_oid ON member (oid, collection);
CREATE INDEX member_page ON member (collection, oid);
CREATE INDEX member_type ON member (collection, typeh, seq);
CREATE INDEX member_added ON member (collection, added);

CREATE TABLE channel (
  n          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id         text NOT NULL UNIQUE,
  agreement  text NOT NULL,
  publisher  text NOT NULL,
  stream     text NOT NULL,
  own        boolean NOT NULL,
  size       bigint NOT NULL,
  root       bytea NOT NULL,
  signed     bigint NOT NULL,
  checkpoint bytea NOT NULL,
  fault      text NOT NULL,
  faultat    bigint NOT NULL,
  checkedat  bigint NOT NULL,
  created    bigint NOT NULL
);

-- prev is the index of the entry before for the same handle, -1 for none.
CREATE TABLE entry (
  channel bigint NOT NULL,
  idx     bigint NOT NULL,
  prev    bigint NOT NULL,
  bytes   bytea NOT NULL,
  kind    text NOT NULL,
  handle  text NOT NULL,
  rev     bigint NOT NULL,
  nonce   bytea,
  header  bytea,
  object  text NOT NULL,
  oid     bigint NOT NULL,
  stored  bigint NOT NULL,
  blob    bytea,
  PRIMARY KEY (channel, idx)
);
CREATE INDEX entry_oid ON entry (oid) WHERE oid <> 0;

CREATE TABLE placement (
  channel bigint NOT NULL,
  handle  text NOT NULL,
  objecth bigint NOT NULL,
  object  text NOT NULL,
  rev     bigint NOT NULL,
  idx     bigint NOT NULL,
  kind    text NOT NULL,
  oid     bigint NOT NULL,
  put     bigint NOT NULL,
  at      bigint NOT NULL,
  PRIMARY KEY (channel, handle)
);
CREATE INDEX placement_object ON placement (objecth) WHERE object <> '';

CREATE TABLE tile (
  channel bigint NOT NULL,
  level   bigint NOT NULL,
  n       bigint NOT NULL,
  hashes  bytea NOT NULL,
  PRIMARY KEY (channel, level, n)
);

CREATE TABLE receipt (
  channel bigint NOT NULL,
  member  text NOT NULL,
  size    bigint NOT NULL,
  root    bytea NOT NULL,
  line    bytea NOT NULL,
  at      bigint NOT NULL,
  PRIMARY KEY (channel, member)
);

CREATE TABLE peer (
  id         text PRIMARY KEY,
  name       text NOT NULL,
  country    text NOT NULL,
  sector     text NOT NULL,
  url        text NOT NULL,
  identity   bytea NOT NULL,
  state      text NOT NULL,
  theyverified boolean NOT NULL,
  introduced bigint NOT NULL,
  verifiedat bigint NOT NULL,
  seenat     bigint NOT NULL,
  fault      text NOT NULL,
  faultat    bigint NOT NULL
);

CREATE TABLE agreement (
  n        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id       text NOT NULL UNIQUE,
  chain    text NOT NULL,
  body     bytea NOT NULL,
  state    text NOT NULL,
  received bigint NOT NULL,
  stateat  bigint NOT NULL,
  endedby  text NOT NULL
);

CREATE TABLE signature (
  agreement bigint NOT NULL,
  place     bigint NOT NULL,
  member    text NOT NULL,
  line      bytea NOT NULL,
  at        bigint NOT NULL,
  PRIMARY KEY (agreement, place)
);

CREATE TABLE account (
  name     text PRIMARY KEY,
  password text NOT NULL,
  role     text NOT NULL,
  lang     text NOT NULL,
  created  bigint NOT NULL,
  lastseen bigint NOT NULL,
  disabled boolean NOT NULL
);

CREATE TABLE secret (
  hash    bytea PRIMARY KEY,
  kind    text NOT NULL,
  account text NOT NULL,
  label   text NOT NULL,
  data    bytea NOT NULL,
  created bigint NOT NULL,
  expires bigint NOT NULL,
  used    bigint NOT NULL
);
CREATE INDEX secret_expires ON secret (expires) WHERE expires <> 0;

CREATE TABLE status (
  id      text COLLATE "C" PRIMARY KEY,
  body    bytea NOT NULL,
  expires bigint NOT NULL
);
CREATE INDEX status_expires ON status (expires) WHERE expires <> 0;

CREATE TABLE job (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind    text NOT NULL,
  key     text NOT NULL,
  body    bytea NOT NULL,
  runat   bigint NOT NULL,
  tries   bigint NOT NULL,
  last    text NOT NULL,
  claimed boolean NOT NULL
);
CREATE UNIQUE INDEX job_waiting ON job (kind, key) WHERE NOT claimed;
CREATE INDEX job_due ON job (kind, runat);

CREATE TABLE audit (
  n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      bigint NOT NULL,
  actor   text NOT NULL,
  action  text NOT NULL,
  subject text NOT NULL,
  kind    text NOT NULL,
  msg     text NOT NULL
);
