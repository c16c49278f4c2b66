-- History of the other channels, in the documented columns. Positional data1…data5 as in the voice log.

CREATE TABLE IF NOT EXISTS ccrepo.sms_repo (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  idm VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'depends on the provider',
  campaign VARCHAR(128) NOT NULL DEFAULT '',
  dateprocessed DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  direction CHAR(1) NOT NULL DEFAULT 'O' COMMENT 'I or O',
  callerid VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'source',
  message VARCHAR(2000) NOT NULL DEFAULT '',
  agent VARCHAR(80) NOT NULL DEFAULT '',
  smsbase VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'list',
  result VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'depends on the provider',
  readsms TINYINT NOT NULL DEFAULT 0,
  sessionid VARCHAR(64) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY sms_repo_campaign (campaign, dateprocessed)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.webchat_log_repo (
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
  KEY webchat_log_repo_time (datetime),
  KEY webchat_log_repo_queue (queuename, datetime),
  KEY webchat_log_repo_call (callid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.sms_log_repo (
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
  KEY sms_log_repo_time (datetime),
  KEY sms_log_repo_queue (queuename, datetime),
  KEY sms_log_repo_call (callid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.email_log_repo (
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
  KEY email_log_repo_time (datetime),
  KEY email_log_repo_queue (queuename, datetime),
  KEY email_log_repo_call (callid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.twitter_log_repo (
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
  KEY twitter_log_repo_time (datetime),
  KEY twitter_log_repo_queue (queuename, datetime),
  KEY twitter_log_repo_call (callid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.messenger_log_repo (
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
  KEY messenger_log_repo_time (datetime),
  KEY messenger_log_repo_queue (queuename, datetime),
  KEY messenger_log_repo_call (callid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.facebook_log_repo (
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
  KEY facebook_log_repo_time (datetime),
  KEY facebook_log_repo_queue (queuename, datetime),
  KEY facebook_log_repo_call (callid)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.email_repo (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT '= email_id of the events',
  campaign VARCHAR(128) NOT NULL DEFAULT '',
  dateprocessed DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  direction CHAR(1) NOT NULL DEFAULT 'O',
  address VARCHAR(255) NOT NULL DEFAULT '',
  subject VARCHAR(998) NOT NULL DEFAULT '',
  agent VARCHAR(80) NOT NULL DEFAULT '',
  sessionid VARCHAR(64) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY email_repo_campaign (campaign, dateprocessed)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccrepo.sipchat (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  datecreated DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  src VARCHAR(80) NOT NULL DEFAULT '',
  dest VARCHAR(80) NOT NULL DEFAULT '',
  message VARCHAR(2000) NOT NULL DEFAULT '',
  srcagent VARCHAR(80) NOT NULL DEFAULT '',
  dstagent VARCHAR(80) NOT NULL DEFAULT '',
  status VARCHAR(16) NOT NULL DEFAULT '' COMMENT 'SUCCESS or FAILURE',
  PRIMARY KEY (id),
  KEY sipchat_time (datecreated)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
