-- The law (who may not be called now, and why), loading, lists, recycling, caller IDs. Our own times are UTC.

CREATE TABLE IF NOT EXISTS ccdata.law_options (
  campaign VARCHAR(128) NOT NULL COMMENT 'as in dialers; a dialer without a row has the rules of its country',
  law VARCHAR(32) NOT NULL DEFAULT '' COMMENT 'law file that holds instead of that of dialers.country',
  cap_calls INT NULL DEFAULT NULL COMMENT 'own cap: so many calls to one person …',
  cap_hours DECIMAL(8,2) NULL DEFAULT NULL COMMENT '… in so many hours',
  rest_hours DECIMAL(8,2) NULL DEFAULT NULL COMMENT 'own rest after a conversation',
  consent VARCHAR(16) NOT NULL DEFAULT '' COMMENT 'own rule: prerecorded or always',
  holidays TINYINT NOT NULL DEFAULT 0 COMMENT '1 = no calls on public holidays of country and state',
  PRIMARY KEY (campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people: what a campaign adds to the law';

CREATE TABLE IF NOT EXISTS ccdata.consents (
  phone VARCHAR(64) NOT NULL COMMENT 'however it is written',
  campaign VARCHAR(128) NOT NULL DEFAULT '*' COMMENT '* = every campaign',
  given_at DATETIME NULL DEFAULT CURRENT_TIMESTAMP COMMENT 'local time of the server',
  expires DATETIME NULL DEFAULT NULL COMMENT 'local time of the server; NULL = it does not',
  withdrawn_at DATETIME NULL DEFAULT NULL COMMENT 'once set, nothing but a person clears it',
  source VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'evidence: form, recording, …',
  number VARCHAR(64) GENERATED ALWAYS AS
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(phone, '=', -1), ' ', ''), '\t', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) STORED,
  PRIMARY KEY (phone, campaign),
  KEY consents_number (number, campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='who has agreed to be called, and who has withdrawn';

CREATE TABLE IF NOT EXISTS ccdata.opt_outs (
  who VARCHAR(80) NOT NULL COMMENT 'digits of a number, or contact:<contact id>',
  opted_at DATETIME(3) NOT NULL,
  campaign VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'in which it was said; it holds for all',
  attempt VARCHAR(36) NOT NULL DEFAULT '',
  via VARCHAR(32) NOT NULL DEFAULT '' COMMENT 'key, disposition, sql, …',
  PRIMARY KEY (who)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='who does not want to be called: nothing the engine does ever removes a row';

CREATE TABLE IF NOT EXISTS ccdata.person_locks (
  slot SMALLINT UNSIGNED NOT NULL COMMENT 'hash of a number or contact id',
  turns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (slot)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='claims that count calls to the same person take turns here';

INSERT IGNORE INTO ccdata.person_locks (slot)
  SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d FROM
  (SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) a
  JOIN (SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) b
  JOIN (SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) c
  JOIN (SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) e;

CREATE TABLE IF NOT EXISTS ccdata.law_state (
  campaign VARCHAR(128) NOT NULL,
  fingerprint CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of the rules under which contacts were held',
  changed_at DATETIME(3) NOT NULL,
  PRIMARY KEY (campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: when the rules change, who was held is judged anew';

-- Calls are counted by person.
ALTER TABLE ccdata.attempts
  ADD COLUMN number VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'the number in international digits where they are known: one number, one spelling';
ALTER TABLE ccdata.attempts ADD KEY attempts_number (number, claimed_at);
ALTER TABLE ccdata.attempts ADD KEY attempts_contact (contact, claimed_at);

-- Whom which rule holds back; and a number's contacts, however it is written.
ALTER TABLE ccdata.calls_spool
  ADD COLUMN held_by VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'rule that holds it back: docs/law.md';
ALTER TABLE ccdata.calls_spool
  ADD COLUMN number VARCHAR(64) GENERATED ALWAYS AS
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(destination, '=', -1), ' ', ''), '\t', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) VIRTUAL;
ALTER TABLE ccdata.calls_spool ADD KEY calls_spool_number (number, campaign);

ALTER TABLE ccdata.dialer_base
  ADD COLUMN timezone VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'of its contacts, e.g. America/Bogota; empty = their numbers tell';
ALTER TABLE ccdata.dialer_base
  ADD COLUMN priority INT NOT NULL DEFAULT 0 COMMENT 'smaller first: a list is used when those before it are dry; equal = by percentage';
ALTER TABLE ccdata.dialer_base
  ADD COLUMN recycled INT NOT NULL DEFAULT 0 COMMENT 'so many times its contacts have been recycled';

CREATE OR REPLACE VIEW ccdata.held_contacts AS
  SELECT campaign, dialerbase AS list, id, contact, destination, status, held_by, reason, notbefore AS until_utc
  FROM ccdata.calls_spool WHERE held_by <> '' OR status IN (2, 3);

CREATE TABLE IF NOT EXISTS ccdata.uploads (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  file VARCHAR(255) NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of the content: the same file is loaded once into a list',
  list VARCHAR(128) NOT NULL,
  status VARCHAR(16) NOT NULL DEFAULT 'loading' COMMENT 'loading (sent again, it goes on), done, refused',
  lines_read BIGINT NOT NULL DEFAULT 0,
  accepted BIGINT NOT NULL DEFAULT 0,
  refused BIGINT NOT NULL DEFAULT 0 COMMENT 'each has its row in upload_lines',
  message VARCHAR(500) NOT NULL DEFAULT '' COMMENT 'why the file was refused',
  started_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY uploads_file (sha256, list)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: every file that was loaded, or refused';

CREATE TABLE IF NOT EXISTS ccdata.upload_lines (
  upload BIGINT UNSIGNED NOT NULL COMMENT 'uploads.id',
  line BIGINT UNSIGNED NOT NULL COMMENT 'of the file, from 1',
  reason VARCHAR(255) NOT NULL,
  text VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'how the line begins',
  PRIMARY KEY (upload, line)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: every line that was refused, and why';

-- What recycling and respooling need of contacts that have left the spool.
CREATE TABLE IF NOT EXISTS ccrepo.finished_contacts (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  spool_id BIGINT UNSIGNED NOT NULL COMMENT 'calls_spool.id that it had; attempts.spool_id',
  campaign VARCHAR(128) NOT NULL,
  dialerbase VARCHAR(128) NOT NULL DEFAULT '',
  contact VARCHAR(64) NOT NULL DEFAULT '',
  destination VARCHAR(64) NOT NULL COMMENT 'number of the last attempt',
  alternatives VARCHAR(1000) NOT NULL DEFAULT '' COMMENT 'those that were not tried',
  data VARCHAR(4000) NOT NULL DEFAULT '',
  priority INT NOT NULL DEFAULT 9999,
  agentphone VARCHAR(80) NOT NULL DEFAULT '',
  outcome VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of the last attempt: docs/outcomes.md',
  finished_at DATETIME(3) NOT NULL,
  rounds INT NOT NULL DEFAULT 0 COMMENT 'so many times it had been recycled when it was called',
  again_at DATETIME(3) NULL DEFAULT NULL COMMENT 'when it went back into the spool',
  PRIMARY KEY (id),
  KEY finished_contacts_due (campaign, outcome, again_at, finished_at),
  KEY finished_contacts_list (campaign, dialerbase),
  KEY finished_contacts_contact (contact)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

ALTER TABLE ccdata.calls_spool
  ADD COLUMN rounds SMALLINT NOT NULL DEFAULT 0 COMMENT 'so many times the contact was recycled';
