-- History: what happened, in the documented columns. Times are the server's local time.

CREATE DATABASE IF NOT EXISTS ccrepo DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.cdr_repo (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  calldate DATETIME NOT NULL,
  clid VARCHAR(128) NOT NULL DEFAULT '',
  src VARCHAR(80) NOT NULL DEFAULT '',
  dst VARCHAR(80) NOT NULL DEFAULT '',
  dcontext VARCHAR(80) NOT NULL DEFAULT '',
  channel VARCHAR(128) NOT NULL DEFAULT '',
  dstchannel VARCHAR(128) NOT NULL DEFAULT '',
  lastapp VARCHAR(80) NOT NULL DEFAULT '',
  duration INT NOT NULL DEFAULT 0 COMMENT 's',
  billsec INT NOT NULL DEFAULT 0 COMMENT 's from answer',
  disposition VARCHAR(45) NOT NULL DEFAULT '',
  amaflags INT NOT NULL DEFAULT 0,
  accountcode VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'agent',
  guid VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'unique id and recording name',
  causecode VARCHAR(32) NOT NULL DEFAULT '' COMMENT 'Q.850 cause, and the SIP code where known',
  campaign VARCHAR(128) NOT NULL DEFAULT '',
  charged_balance DECIMAL(12,4) NOT NULL DEFAULT 0,
  real_balance DECIMAL(12,4) NOT NULL DEFAULT 0,
  note VARCHAR(255) NOT NULL DEFAULT '',
  contact VARCHAR(64) NOT NULL DEFAULT '',
  finishtime VARCHAR(255) NOT NULL DEFAULT '',
  rating DECIMAL(5,2) NULL DEFAULT NULL,
  dialerbase VARCHAR(128) NOT NULL DEFAULT '',
  type VARCHAR(16) NOT NULL DEFAULT '' COMMENT 'record = recorded',
  uniqueid VARCHAR(64) NOT NULL DEFAULT '',
  userfield VARCHAR(255) NOT NULL DEFAULT '',
  parandvalues VARCHAR(4000) NOT NULL DEFAULT '' COMMENT 'the contact''s data',
  peeraccount VARCHAR(80) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY cdr_repo_guid (guid),
  KEY cdr_repo_campaign (campaign, calldate),
  KEY cdr_repo_time (calldate),
  KEY cdr_repo_dst (dst, calldate),
  KEY cdr_repo_contact (contact)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.queue_log_repo (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  origid BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'may repeat',
  datetime DATETIME NOT NULL,
  callid VARCHAR(64) NOT NULL DEFAULT '',
  queuename VARCHAR(128) NOT NULL DEFAULT '',
  agent VARCHAR(128) NOT NULL DEFAULT '',
  event VARCHAR(32) NOT NULL,
  data1 VARCHAR(255) NOT NULL DEFAULT '',
  data2 VARCHAR(255) NOT NULL DEFAULT '',
  data3 VARCHAR(255) NOT NULL DEFAULT '',
  data4 VARCHAR(255) NOT NULL DEFAULT '',
  data5 VARCHAR(255) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY queue_log_repo_time (datetime),
  KEY queue_log_repo_queue (queuename, datetime),
  KEY queue_log_repo_call (callid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.black_list_history (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  calldate DATETIME NOT NULL COMMENT 'of the attempt',
  src VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'agent, or the dialer',
  dst VARCHAR(80) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY black_list_history_dst (dst, calldate)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.tags (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  datetime DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  user VARCHAR(80) NOT NULL DEFAULT '',
  guid VARCHAR(64) NOT NULL DEFAULT '',
  time INT NOT NULL DEFAULT 0 COMMENT 'second within the recording',
  comment VARCHAR(2000) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY tags_guid (guid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.auditory (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  datetime DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  userid VARCHAR(80) NOT NULL DEFAULT '',
  host VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'source address',
  action VARCHAR(2000) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY auditory_time (datetime)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
