-- The work: contacts to call, scheduled calls, numbers never to call; the same for SMS.

CREATE TABLE IF NOT EXISTS ccdata.calls_spool (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  campaign VARCHAR(128) NOT NULL,
  destination VARCHAR(64) NOT NULL COMMENT 'phone to dial; may carry a type: M=0991 or M=2=0991',
  status TINYINT NOT NULL DEFAULT 1 COMMENT '1 ready, 0 in progress, 3 blocked by black list; 2 set aside, see reason',
  data VARCHAR(4000) NULL DEFAULT '' COMMENT 'k=v joined by :',
  alternatives VARCHAR(1000) NULL DEFAULT '' COMMENT 'phones joined by :',
  contact VARCHAR(64) NULL DEFAULT '',
  dialerbase VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'list; empty = a task, served first',
  priority INT NOT NULL DEFAULT 9999 COMMENT 'smaller first; 1 is the scheduler''s',
  agentphone VARCHAR(80) NULL DEFAULT '',
  retries INT NOT NULL DEFAULT 0 COMMENT 'attempts made on the current number',
  notbefore DATETIME(3) NULL DEFAULT NULL COMMENT 'UTC; a retry waits until then',
  shuffle INT UNSIGNED NOT NULL DEFAULT (FLOOR(RAND() * 4294967295)) COMMENT 'random order within a priority',
  reason VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'why the row is set aside or blocked',
  PRIMARY KEY (id),
  KEY calls_spool_claim (campaign, dialerbase, status, notbefore, priority, shuffle),
  KEY calls_spool_task (campaign, dialerbase, status, notbefore),
  KEY calls_spool_due (campaign, status, notbefore),
  KEY calls_spool_destination (destination),
  KEY calls_spool_contact (contact)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.calls_scheduler (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  calldate DATETIME NOT NULL COMMENT 'when to call, local time of the server',
  campaign VARCHAR(128) NOT NULL,
  destination VARCHAR(64) NOT NULL,
  agentphone VARCHAR(80) NULL DEFAULT '' COMMENT 'extension or user name of the agent it waits for',
  alternatives VARCHAR(1000) NULL DEFAULT '',
  data VARCHAR(4000) NULL DEFAULT '',
  contact VARCHAR(64) NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY calls_scheduler_due (campaign, calldate),
  KEY calls_scheduler_destination (destination)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.black_list (
  phone VARCHAR(64) NOT NULL COMMENT 'however it is written: layout, type and + do not count',
  campaign VARCHAR(128) NOT NULL DEFAULT '*' COMMENT '* = every campaign',
  username VARCHAR(80) NULL DEFAULT '',
  company VARCHAR(128) NULL DEFAULT '',
  job_title VARCHAR(128) NULL DEFAULT '',
  name VARCHAR(128) NULL DEFAULT '',
  created DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  number VARCHAR(64) GENERATED ALWAYS AS
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(phone, '=', -1), ' ', ''), '\t', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) STORED,
  PRIMARY KEY (phone, campaign),
  KEY black_list_number (number, campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.black_list_schedule (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  phone VARCHAR(64) NOT NULL,
  removedate DATETIME NOT NULL COMMENT 'blocked until then, local time of the server',
  number VARCHAR(64) GENERATED ALWAYS AS
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(phone, '=', -1), ' ', ''), '\t', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) STORED,
  PRIMARY KEY (id),
  KEY black_list_schedule_number (number, removedate)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.sms_spool (
  idm BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  campaign VARCHAR(128) NOT NULL,
  destination VARCHAR(64) NOT NULL,
  message VARCHAR(2000) NOT NULL DEFAULT '',
  device VARCHAR(64) NULL DEFAULT '',
  data VARCHAR(4000) NULL DEFAULT '',
  state TINYINT NOT NULL DEFAULT 1 COMMENT '0 none, 1 to process, 3 blocked',
  priority INT NOT NULL DEFAULT 9999,
  smsbase VARCHAR(128) NULL DEFAULT '' COMMENT 'list name',
  PRIMARY KEY (idm),
  KEY sms_spool_claim (campaign, state, priority),
  KEY sms_spool_destination (destination)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.sms_scheduler (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  calldate DATETIME NOT NULL,
  campaign VARCHAR(128) NOT NULL,
  destination VARCHAR(64) NOT NULL,
  data VARCHAR(4000) NULL DEFAULT '' COMMENT 'message',
  PRIMARY KEY (id),
  KEY sms_scheduler_due (campaign, calldate)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
