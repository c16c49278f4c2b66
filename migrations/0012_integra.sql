-- What the documented HTTP operations need: dispositions, tags, uploads that wait, orders with their guid,
-- recordings by every filter, agents' phones as Asterisk reads them.

CREATE TABLE IF NOT EXISTS ccdata.dispositions (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  campaign VARCHAR(128) NOT NULL DEFAULT '*' COMMENT '* = every campaign; a campaign''s own row wins',
  level1 VARCHAR(100) NOT NULL,
  level2 VARCHAR(100) NOT NULL DEFAULT '' COMMENT 'empty = every level 2',
  level3 VARCHAR(100) NOT NULL DEFAULT '' COMMENT 'empty = every level 3',
  category VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'for reports: occupied, wrong number, sale, …',
  action VARCHAR(20) NOT NULL DEFAULT '' COMMENT 'RESPOOL, RESPOOLALTERNATIVE, BLACKLIST, SCHEDULE; empty = none',
  PRIMARY KEY (id),
  UNIQUE KEY dispositions_levels (campaign, level1, level2, level3)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people: which dispositions there are, and what each does with the contact';

CREATE TABLE IF NOT EXISTS ccdata.disposition_options (
  campaign VARCHAR(128) NOT NULL COMMENT 'a campaign without a row has the defaults',
  finishtime TINYINT NOT NULL DEFAULT 1 COMMENT '1 = cdr_repo.finishtime gets date, time and disposition',
  PRIMARY KEY (campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.disposition_repo (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  datetime DATETIME NOT NULL COMMENT 'local time of the server',
  campaign VARCHAR(128) NOT NULL,
  agent VARCHAR(80) NOT NULL DEFAULT '',
  callerid VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'the contact''s number',
  guid VARCHAR(64) NOT NULL DEFAULT '' COMMENT '= cdr_repo.guid',
  level1 VARCHAR(100) NOT NULL,
  level2 VARCHAR(100) NOT NULL DEFAULT '',
  level3 VARCHAR(100) NOT NULL DEFAULT '',
  data1 VARCHAR(255) NOT NULL DEFAULT '',
  data2 VARCHAR(255) NOT NULL DEFAULT '',
  comment VARCHAR(2000) NOT NULL DEFAULT '',
  schedule DATETIME NULL DEFAULT NULL COMMENT 'local time of the server',
  schedule_on VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'dialer on which it was scheduled',
  action VARCHAR(20) NOT NULL DEFAULT '',
  effect VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'done' COMMENT 'of the action: done, none, waiting (for the end of the call)',
  reason VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'why the action had no effect',
  PRIMARY KEY (id),
  KEY disposition_repo_call (guid),
  KEY disposition_repo_time (campaign, datetime),
  KEY disposition_repo_waiting (effect, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.call_notes (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  guid VARCHAR(64) NOT NULL,
  phone VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'empty = whatever was called',
  userfield VARCHAR(255) NULL DEFAULT NULL COMMENT 'tag; NULL = stays as it is',
  finishtime VARCHAR(255) NULL DEFAULT NULL,
  noted_at DATETIME(3) NOT NULL COMMENT 'UTC',
  PRIMARY KEY (id),
  KEY call_notes_call (guid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='tags and finish times of calls whose CDR is not written yet';

-- A file that was sent waits in the engine's folder until it is loaded.
ALTER TABLE ccdata.uploads
  ADD COLUMN campaign VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'that the request named; a line''s own counts';
ALTER TABLE ccdata.uploads
  ADD COLUMN username VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'who sent it';
ALTER TABLE ccdata.uploads
  ADD COLUMN timezone VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'of its contacts';
ALTER TABLE ccdata.uploads
  ADD COLUMN announced INT NOT NULL DEFAULT 0 COMMENT 'lines that the sender counted';
ALTER TABLE ccdata.uploads
  ADD COLUMN holder VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'engine in whose folder the file lies';
ALTER TABLE ccdata.uploads
  ADD COLUMN stored VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'its name there';
ALTER TABLE ccdata.uploads
  MODIFY COLUMN status VARCHAR(16) NOT NULL DEFAULT 'loading' COMMENT 'waiting, loading (sent again, it goes on), done, refused';
ALTER TABLE ccdata.uploads
  ADD KEY uploads_waiting (status, holder, id);

ALTER TABLE ccrepo.finished_contacts
  ADD KEY finished_contacts_spool (spool_id);

-- A call may be ordered with its guid; agents may be made members.
ALTER TABLE ccdata.orders
  MODIFY COLUMN kind VARCHAR(16) NOT NULL COMMENT 'call, workflow, hangup, decide, join: docs/steering.md';
ALTER TABLE ccdata.orders
  MODIFY COLUMN guid CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'call: its guid, given or, once taken, made';

-- Recordings by every filter, page by page.
ALTER TABLE ccrepo.cdr_repo
  ADD KEY cdr_repo_records (type, calldate);
ALTER TABLE ccrepo.cdr_repo
  ADD KEY cdr_repo_campaign_records (campaign, type, calldate);
ALTER TABLE ccrepo.cdr_repo
  ADD KEY cdr_repo_agent_records (accountcode, type, calldate);
ALTER TABLE ccrepo.cdr_repo
  ADD KEY cdr_repo_number_records (type, dst, calldate);
ALTER TABLE ccrepo.cdr_repo
  ADD KEY cdr_repo_source_records (type, src, calldate);
ALTER TABLE ccrepo.cdr_repo
  ADD KEY cdr_repo_tags (userfield, type, calldate);

-- Agents' phones as Asterisk's realtime reads them (docs/integra.md): chan_pjsip's endpoints, their places and
-- their passwords as digests. The realm is that of engine/api/integra/people.py.
CREATE OR REPLACE VIEW ccdata.ps_aors AS
  SELECT name AS id, 1 AS max_contacts, 'yes' AS remove_existing, 60 AS qualify_frequency FROM ccdata.phones;
CREATE OR REPLACE VIEW ccdata.ps_auths AS
  SELECT name AS id, 'md5' AS auth_type, md5secret AS md5_cred, name AS username, 'asterisk' AS realm
  FROM ccdata.phones;
CREATE OR REPLACE VIEW ccdata.ps_endpoints AS
  SELECT name AS id, name AS aors, name AS auth,
    COALESCE(JSON_UNQUOTE(JSON_EXTRACT(options, '$.context')), 'agentes') AS context,
    'all' AS disallow,
    REPLACE(COALESCE(JSON_UNQUOTE(JSON_EXTRACT(options, '$.allow')), 'alaw;ulaw'), ';', ',') AS allow,
    COALESCE(JSON_UNQUOTE(JSON_EXTRACT(options, '$.language')), 'es') AS language,
    CONCAT('"', REPLACE(fullname, '"', ''), '" <', name, '>') AS callerid,
    'no' AS direct_media,
    IF(COALESCE(JSON_UNQUOTE(JSON_EXTRACT(options, '$.transport')), 'wss') = 'wss', 'yes', 'no') AS webrtc
  FROM ccdata.phones;
