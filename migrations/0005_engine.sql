-- The engine's own memory: every attempt from the intention to the end, and what each campaign is doing.
-- Times are UTC.

CREATE TABLE IF NOT EXISTS ccdata.attempts (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT '= channel id = cdr_repo.guid',
  campaign VARCHAR(128) NOT NULL,
  spool_id BIGINT UNSIGNED NOT NULL,
  destination VARCHAR(64) NOT NULL,
  contact VARCHAR(64) NOT NULL DEFAULT '',
  dialerbase VARCHAR(128) NOT NULL DEFAULT '',
  attempt INT NOT NULL DEFAULT 1 COMMENT 'how many attempts on this number, this one included',
  owner VARCHAR(64) NOT NULL COMMENT 'engine that looks after it',
  fence BIGINT UNSIGNED NOT NULL COMMENT 'leases.token under which it was claimed or taken over',
  taken_over TINYINT NOT NULL DEFAULT 0 COMMENT '1 = another engine had it first, and may still tell of it',
  state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'claimed' COMMENT 'claimed, sent, ringing, answered, queued, connected, completed, ended',
  claimed_at DATETIME(3) NOT NULL,
  sent_at DATETIME(3) NULL,
  ringing_at DATETIME(3) NULL,
  answered_at DATETIME(3) NULL,
  queued_at DATETIME(3) NULL,
  connected_at DATETIME(3) NULL,
  ended_at DATETIME(3) NULL,
  outcome VARCHAR(16) NULL COMMENT 'docs/outcomes.md',
  cause INT NULL COMMENT 'Q.850',
  sip INT NULL COMMENT 'SIP answer code',
  agent VARCHAR(80) NOT NULL DEFAULT '',
  next_step VARCHAR(16) NOT NULL DEFAULT '' COMMENT 'finished, retry, alternative, rest, again, set_aside, released',
  note VARCHAR(255) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY attempts_open (state, fence),
  KEY attempts_campaign (campaign, claimed_at),
  KEY attempts_destination (destination, claimed_at),
  KEY attempts_spool (spool_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.leases (
  name VARCHAR(64) NOT NULL COMMENT 'what is leased: dialling',
  owner VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'name of the engine that has it',
  process VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'the process of that engine',
  token BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'fencing token: grows with every change of hands',
  lease_until DATETIME(3) NOT NULL COMMENT 'by this server''s clock; over = anybody may take it',
  taken_at DATETIME(3) NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='one engine dials, the others stand by';

CREATE TABLE IF NOT EXISTS ccdata.journals (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'an engine process''s journal',
  position BIGINT UNSIGNED NOT NULL COMMENT 'its last entry that is in the tables',
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='how far each journal of outcomes has been written';

CREATE TABLE IF NOT EXISTS ccdata.trunks (
  name VARCHAR(80) NOT NULL COMMENT 'as in the dial string: SIP/NAME/prefix',
  channels INT NULL DEFAULT NULL COMMENT 'calls at once over all campaigns; NULL = no limit',
  cps DECIMAL(8,3) NULL DEFAULT NULL COMMENT 'calls per second; NULL = no limit',
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='what each trunk may be given; written by people';

CREATE TABLE IF NOT EXISTS ccdata.decisions (
  campaign VARCHAR(128) NOT NULL,
  slot SMALLINT UNSIGNED NOT NULL COMMENT 'the last ones go round in these places',
  decided_at DATETIME(3) NOT NULL COMMENT 'UTC',
  calls INT NOT NULL COMMENT 'placed by this decision',
  bound VARCHAR(16) NOT NULL COMMENT 'what kept it from more',
  reason VARCHAR(500) NOT NULL,
  detail VARCHAR(2000) NOT NULL COMMENT 'the numbers behind it, as JSON',
  PRIMARY KEY (campaign, slot)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: the last decisions of each campaign, about one a second';

CREATE TABLE IF NOT EXISTS ccdata.campaign_state (
  campaign VARCHAR(128) NOT NULL,
  state VARCHAR(16) NOT NULL COMMENT 'running, off_schedule, disabled, set_aside, stopped',
  field VARCHAR(32) NOT NULL DEFAULT '' COMMENT 'the setting that set it aside',
  reason VARCHAR(500) NOT NULL DEFAULT '' COMMENT 'why it is set aside, or why the last decision placed no more calls',
  bound VARCHAR(16) NOT NULL DEFAULT '' COMMENT 'what kept the last decision from more calls',
  calls INT NOT NULL DEFAULT 0 COMMENT 'calls of the last decision',
  overdial INT NOT NULL DEFAULT 0 COMMENT '%',
  ready INT NOT NULL DEFAULT 0,
  ringing INT NOT NULL DEFAULT 0,
  talking INT NOT NULL DEFAULT 0,
  wrapup INT NOT NULL DEFAULT 0,
  paused INT NOT NULL DEFAULT 0,
  dialling INT NOT NULL DEFAULT 0,
  waiting INT NOT NULL DEFAULT 0,
  channels INT NOT NULL DEFAULT 0,
  owner VARCHAR(64) NOT NULL DEFAULT '',
  since DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  PRIMARY KEY (campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: written by the engine about once a second';
