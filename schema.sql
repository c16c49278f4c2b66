-- The whole schema of Overdial. MariaDB >= 10.6 and MySQL >= 8.0.13.
--   mysql < schema.sql        creates it in one go on an empty server
--   overdial migrate          brings any older version up to it (migrations/)
-- The two ways end in the same tables; a test compares them.

-- Whatever the client takes for its own: comments and literals below are UTF-8.
SET NAMES utf8mb4;

-- Settings: dialers, campaigns (queues) with their members, contact lists.

CREATE DATABASE IF NOT EXISTS ccdata DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.dialers (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  campaign VARCHAR(128) NOT NULL COMMENT 'dialer name = campaign name',
  schedule VARCHAR(1000) NOT NULL DEFAULT 'mon,tue,wed,thu,fri,sat;08:00-21:00' COMMENT 'days;HH:MM-HH:MM, several joined by & | or newline',
  dialertype VARCHAR(32) NOT NULL DEFAULT 'PowerDialer',
  status TINYINT NOT NULL DEFAULT 0 COMMENT '1 enabled, 0 disabled',
  dialstring VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'SIP/TRUNK/prefix; the number is appended',
  context VARCHAR(80) NOT NULL DEFAULT 'PowerDialer' COMMENT 'dialplan context of the answered call',
  exten VARCHAR(80) NOT NULL DEFAULT '${EXTEN}' COMMENT '${EXTEN} = the dialled number',
  am TINYINT NOT NULL DEFAULT 0 COMMENT 'answering-machine detection',
  sound VARCHAR(1000) NOT NULL DEFAULT '',
  maxchannels INT NOT NULL DEFAULT 10 COMMENT 'simultaneous calls (Predictive: per agent)',
  variables VARCHAR(4000) NOT NULL DEFAULT '' COMMENT 'k=v joined by :',
  timeout INT NOT NULL DEFAULT 30 COMMENT 's of ringing',
  callerid VARCHAR(1000) NOT NULL DEFAULT '' COMMENT 'PREFIX#CALLERID-FROM-TO, several joined by , or newline',
  retries INT NOT NULL DEFAULT 0 COMMENT 'extra attempts per number',
  callerpres INT NOT NULL DEFAULT 0,
  tbc INT NOT NULL DEFAULT 0 COMMENT '>= 0: ms between calls; < 0: overdial % (Power), abandon target % (Predictive)',
  dncr TINYINT NOT NULL DEFAULT 1 COMMENT 'check the black list before each dial',
  schedulephones VARCHAR(500) NOT NULL DEFAULT '' COMMENT 'hour=order of phone types, joined by :',
  autoanswer TINYINT NOT NULL DEFAULT 1,
  tbc_nocontact INT NOT NULL DEFAULT 30 COMMENT 'min before a contact that was not reached is tried again',
  earlymedia TINYINT NOT NULL DEFAULT 0,
  recyclecount INT NOT NULL DEFAULT 0,
  recycle VARCHAR(4000) NOT NULL DEFAULT '[]',
  country VARCHAR(16) NOT NULL DEFAULT '',
  rule VARCHAR(32) NOT NULL DEFAULT 'NONE',
  autoconvertcallerid TINYINT NOT NULL DEFAULT 0,
  PRIMARY KEY (id),
  UNIQUE KEY dialers_campaign (campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.queues (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  name VARCHAR(128) NOT NULL COMMENT 'campaign = queue name, with its suffix <- or ->',
  musiconhold VARCHAR(64) NOT NULL DEFAULT 'default',
  announce VARCHAR(128) NOT NULL DEFAULT '',
  context VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'where digits typed in the queue lead',
  timeout INT NOT NULL DEFAULT 15 COMMENT 's that an agent''s phone rings',
  monitorType VARCHAR(32) NOT NULL DEFAULT 'MixMonitor',
  monitorFormat VARCHAR(16) NOT NULL DEFAULT 'gsm',
  announceFrequency INT NOT NULL DEFAULT 0,
  announceRoundSeconds INT NOT NULL DEFAULT 0,
  announceHoldtime VARCHAR(8) NOT NULL DEFAULT 'no',
  announcePosition VARCHAR(8) NOT NULL DEFAULT 'no',
  retry INT NOT NULL DEFAULT 3,
  wrapuptime INT NOT NULL DEFAULT 0 COMMENT 's of after-call work',
  maxlen INT NOT NULL DEFAULT 100,
  servicelevel INT NOT NULL DEFAULT 15,
  strategy VARCHAR(32) NOT NULL DEFAULT 'rrmemory',
  joinempty VARCHAR(64) NOT NULL DEFAULT 'yes',
  leavewhenempty VARCHAR(64) NOT NULL DEFAULT 'no',
  eventmemberstatus TINYINT NOT NULL DEFAULT 0,
  eventwhencalled TINYINT NOT NULL DEFAULT 1,
  reportholdtime TINYINT NOT NULL DEFAULT 0,
  memberdelay INT NOT NULL DEFAULT 0,
  weight INT NOT NULL DEFAULT 0,
  timeoutrestart TINYINT NOT NULL DEFAULT 1,
  ringinuse TINYINT NOT NULL DEFAULT 0,
  setinterfacevar TINYINT NOT NULL DEFAULT 1,
  periodicAnnounce VARCHAR(128) NOT NULL DEFAULT '',
  periodicAnnounceFrequency VARCHAR(16) NOT NULL DEFAULT '0',
  did VARCHAR(255) NOT NULL DEFAULT '',
  direction VARCHAR(16) NOT NULL DEFAULT 'outbound',
  interactions VARCHAR(255) NOT NULL DEFAULT '',
  email VARCHAR(255) NOT NULL DEFAULT '',
  thresholds VARCHAR(128) NOT NULL DEFAULT '',
  welcome VARCHAR(1000) NOT NULL DEFAULT '',
  schedule VARCHAR(1000) NOT NULL DEFAULT 'sun-sat;00:00-23:59',
  form VARCHAR(1000) NOT NULL DEFAULT '',
  quality VARCHAR(255) NOT NULL DEFAULT '',
  dialstring VARCHAR(128) NOT NULL DEFAULT '',
  voicemail VARCHAR(16) NOT NULL DEFAULT '',
  queue_survey TINYINT NOT NULL DEFAULT 0,
  queue_timeout INT NOT NULL DEFAULT 600 COMMENT 's that a caller may wait',
  auto_answer VARCHAR(8) NOT NULL DEFAULT 'FALSE',
  show_dispositions TINYINT NOT NULL DEFAULT 1,
  queue_breaks VARCHAR(1000) NOT NULL DEFAULT '',
  screen_recording TINYINT NOT NULL DEFAULT 0,
  language VARCHAR(16) NOT NULL DEFAULT 'en',
  transferCampaigns VARCHAR(1000) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  UNIQUE KEY queues_name (name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.queue_members (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  queue_name VARCHAR(128) NOT NULL,
  interface VARCHAR(128) NOT NULL,
  membername VARCHAR(80) NOT NULL DEFAULT '',
  state_interface VARCHAR(128) NOT NULL DEFAULT '',
  penalty INT NOT NULL DEFAULT 0,
  paused TINYINT NOT NULL DEFAULT 0,
  PRIMARY KEY (id),
  UNIQUE KEY queue_members_seat (queue_name, interface)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.dialer_base (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  campaign VARCHAR(128) NOT NULL,
  name VARCHAR(128) NOT NULL COMMENT '= calls_spool.dialerbase',
  records INT NOT NULL DEFAULT 0,
  active TINYINT NOT NULL DEFAULT 0,
  percentage INT NULL DEFAULT NULL COMMENT 'share of the list among the active ones; a single list needs none',
  timezone VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'of its contacts, e.g. America/Bogota; empty = their numbers tell',
  priority INT NOT NULL DEFAULT 0 COMMENT 'smaller first: a list is used when those before it are dry; equal = by percentage',
  recycled INT NOT NULL DEFAULT 0 COMMENT 'so many times its contacts have been recycled',
  PRIMARY KEY (id),
  KEY dialer_base_campaign (campaign, name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

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
  held_by VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'rule that holds it back: docs/law.md',
  number VARCHAR(64) GENERATED ALWAYS AS
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(IF(destination LIKE '%+%' OR LTRIM(SUBSTRING_INDEX(destination, '=', -1)) LIKE '00%', REPLACE(destination, '(0)', ''), destination), '=', -1), ' ', ''), '\t', ''), '\r', ''), '\n', ''), CHAR(0xC2A0 USING utf8mb4) COLLATE utf8mb4_unicode_ci, ''), '"', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) VIRTUAL,
  rounds SMALLINT NOT NULL DEFAULT 0 COMMENT 'so many times the contact was recycled',
  timezone VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'of this contact, e.g. America/Bogota; empty = its list''s',
  automatic SMALLINT NOT NULL DEFAULT 0 COMMENT 'so many of its rounds came by themselves (dialers.recyclecount)',
  PRIMARY KEY (id),
  KEY calls_spool_claim (campaign, dialerbase, status, notbefore, priority, shuffle),
  KEY calls_spool_task (campaign, dialerbase, status, notbefore),
  KEY calls_spool_due (campaign, status, notbefore),
  KEY calls_spool_destination (destination),
  KEY calls_spool_contact (contact),
  KEY calls_spool_agent (campaign, dialerbase, status, notbefore, agentphone, priority, shuffle),
  KEY calls_spool_number (number, campaign),
  KEY calls_spool_page (campaign, id)
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
  timezone VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'of this contact; empty = that of its last call''s list, else its number tells',
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
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(IF(phone LIKE '%+%' OR LTRIM(SUBSTRING_INDEX(phone, '=', -1)) LIKE '00%', REPLACE(phone, '(0)', ''), phone), '=', -1), ' ', ''), '\t', ''), '\r', ''), '\n', ''), CHAR(0xC2A0 USING utf8mb4) COLLATE utf8mb4_unicode_ci, ''), '"', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) STORED,
  PRIMARY KEY (phone, campaign),
  KEY black_list_number (number, campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.black_list_schedule (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  phone VARCHAR(64) NOT NULL,
  removedate DATETIME NOT NULL COMMENT 'blocked until then, local time of the server',
  number VARCHAR(64) GENERATED ALWAYS AS
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(IF(phone LIKE '%+%' OR LTRIM(SUBSTRING_INDEX(phone, '=', -1)) LIKE '00%', REPLACE(phone, '(0)', ''), phone), '=', -1), ' ', ''), '\t', ''), '\r', ''), '\n', ''), CHAR(0xC2A0 USING utf8mb4) COLLATE utf8mb4_unicode_ci, ''), '"', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) STORED,
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
  KEY cdr_repo_contact (contact),
  KEY cdr_repo_records (type, calldate),
  KEY cdr_repo_campaign_records (campaign, type, calldate),
  KEY cdr_repo_agent_records (accountcode, type, calldate),
  KEY cdr_repo_number_records (type, dst, calldate),
  KEY cdr_repo_source_records (type, src, calldate),
  KEY cdr_repo_tags (userfield, type, calldate)
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
  KEY tags_guid (guid),
  KEY tags_time (datetime)
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
  number VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'the number in international digits where they are known: one number, one spelling',
  caller_id VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'digits of the number that was shown',
  entry VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'the phone as the contact has it, with its type: M=0=0991',
  PRIMARY KEY (id),
  KEY attempts_open (state, fence),
  KEY attempts_campaign (campaign, claimed_at),
  KEY attempts_destination (destination, claimed_at),
  KEY attempts_spool (spool_id),
  KEY attempts_number (number, claimed_at),
  KEY attempts_contact (contact, claimed_at),
  KEY attempts_caller_id (caller_id, sent_at)
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
  until_utc DATETIME(3) NULL DEFAULT NULL COMMENT 'off_schedule: when the schedule opens',
  updated_at DATETIME(3) NOT NULL,
  PRIMARY KEY (campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: written by the engine about once a second';

-- Ways of dialling: options, agents' decisions, orders for single calls.

CREATE TABLE IF NOT EXISTS ccdata.dialer_options (
  campaign VARCHAR(128) NOT NULL COMMENT 'as in dialers; a dialer without a row has the defaults',
  customer_first TINYINT NOT NULL DEFAULT 0 COMMENT '1 = Progressive calls the customer before his agent',
  agent_decides TINYINT NOT NULL DEFAULT 0 COMMENT '1 = TCPA: nothing is dialled before the agent says so',
  decision_time INT NOT NULL DEFAULT 30 COMMENT 's that the agent has to decide',
  later INT NOT NULL DEFAULT 60 COMMENT 'min until a contact comes again that the agent put off',
  machines VARCHAR(16) NOT NULL DEFAULT 'hangup' COMMENT 'answering machines: hangup, message (after the beep), agent',
  machine_sound VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'the message for machines',
  recording VARCHAR(16) NOT NULL DEFAULT 'none' COMMENT 'none, all, agents (those whom agent_options marks)',
  PRIMARY KEY (campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people: what a dialer does beyond the documented settings';

CREATE TABLE IF NOT EXISTS ccdata.agent_options (
  agent VARCHAR(80) NOT NULL COMMENT 'user name or extension',
  recording TINYINT NOT NULL DEFAULT 0 COMMENT '1 = talks are recorded where the campaign says agents',
  PRIMARY KEY (agent)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people: what holds for single agents';

CREATE TABLE IF NOT EXISTS ccdata.agent_acts (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  acted_at DATETIME(3) NOT NULL,
  attempt CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign VARCHAR(128) NOT NULL,
  spool_id BIGINT UNSIGNED NOT NULL,
  contact VARCHAR(64) NOT NULL DEFAULT '',
  destination VARCHAR(64) NOT NULL,
  agent VARCHAR(80) NOT NULL COMMENT 'who decided',
  interface VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'the phone at which the agent sat',
  act VARCHAR(16) NOT NULL COMMENT 'dial, skip, later, timeout',
  reason VARCHAR(255) NOT NULL DEFAULT '',
  via VARCHAR(16) NOT NULL COMMENT 'key or order',
  PRIMARY KEY (id),
  UNIQUE KEY agent_acts_once (attempt),
  KEY agent_acts_campaign (campaign, acted_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='evidence: which agent decided what about which call, and when';

CREATE TABLE IF NOT EXISTS ccdata.orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  kind VARCHAR(16) NOT NULL COMMENT 'call, workflow, hangup, decide, join: docs/steering.md',
  campaign VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'call: the manual campaign it counts for',
  agent VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'user name',
  phone VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'the agent''s phone or extension',
  tech VARCHAR(16) NOT NULL DEFAULT 'SIP',
  context VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'call: where the agent''s phone dials; workflow: the flow',
  exten VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'workflow: its extension',
  callerid VARCHAR(80) NOT NULL DEFAULT '',
  destination VARCHAR(64) NOT NULL DEFAULT '',
  attempt VARCHAR(36) NOT NULL DEFAULT '' COMMENT 'decide: about which call; empty = the agent''s present one',
  act VARCHAR(16) NOT NULL DEFAULT '' COMMENT 'decide: dial, skip, later',
  reason VARCHAR(255) NOT NULL DEFAULT '',
  variables TEXT NULL COMMENT 'workflow: a JSON object',
  status VARCHAR(8) NOT NULL DEFAULT 'new' COMMENT 'new, taken, done, failed',
  result VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'why it failed',
  guid CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'call: its guid, given or, once taken, made',
  created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  done_at DATETIME(3) NULL,
  PRIMARY KEY (id),
  KEY orders_new (status, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='what people ask for single calls; answered within a second';

CREATE OR REPLACE VIEW ccdata.portfolio AS
  SELECT campaign, agentphone AS agent, dialerbase AS list,
    SUM(status = 1) AS ready, SUM(status = 0) AS in_progress, SUM(status NOT IN (0, 1)) AS held_back
  FROM ccdata.calls_spool GROUP BY campaign, agentphone, dialerbase;

CREATE OR REPLACE VIEW ccdata.agent_screen AS
  SELECT a.agent, a.campaign, a.id AS attempt, a.state, a.claimed_at AS since, a.destination, a.contact,
    s.data, s.alternatives
  FROM ccdata.attempts a LEFT JOIN ccdata.calls_spool s ON s.id = a.spool_id
  WHERE a.state IN ('offered', 'held', 'sent', 'ringing', 'answered', 'queued', 'connected', 'completed')
    AND a.agent <> '';

-- Voice broadcast.

CREATE TABLE IF NOT EXISTS ccdata.broadcast_options (
  campaign VARCHAR(128) NOT NULL COMMENT 'as in dialers; without a row the message is played and that is all',
  menu VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'key=act joined by ":"; acts: queue, optout, repeat, answer, end',
  wait INT NOT NULL DEFAULT 5 COMMENT 's to wait for a key after the sounds',
  again INT NOT NULL DEFAULT 0 COMMENT 'how often it is said again when nobody presses a key',
  survey VARCHAR(1000) NOT NULL DEFAULT '' COMMENT 'further questions: name=sound joined by ":", any digit answers',
  consent TINYINT NOT NULL DEFAULT 0 COMMENT '1 = the message asks for consent: key 1 yes, 2 no, 9 opt-out',
  record INT NOT NULL DEFAULT 0 COMMENT 'consent by voice: s of speech that are kept instead of a key',
  tts VARCHAR(2000) NOT NULL DEFAULT '' COMMENT 'text to be spoken where sound is empty; {name} = from the contact''s data',
  PRIMARY KEY (campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people: what a broadcast says and asks';

CREATE TABLE IF NOT EXISTS ccdata.broadcast_results (
  attempt CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign VARCHAR(128) NOT NULL,
  contact VARCHAR(64) NOT NULL DEFAULT '',
  destination VARCHAR(64) NOT NULL,
  result VARCHAR(16) NOT NULL COMMENT 'completed, hung_up, queued, opted_out, consented, refused, machine, failed',
  keys_pressed VARCHAR(32) NOT NULL DEFAULT '',
  seconds DECIMAL(8,1) NOT NULL DEFAULT 0 COMMENT 's that the call listened',
  ended_at DATETIME(3) NOT NULL COMMENT 'UTC',
  PRIMARY KEY (attempt),
  KEY broadcast_results_campaign (campaign, ended_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: how each broadcast call ended';

CREATE TABLE IF NOT EXISTS ccdata.broadcast_answers (
  attempt CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  question VARCHAR(32) NOT NULL,
  answer VARCHAR(8) NOT NULL DEFAULT '' COMMENT 'the key',
  recording VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'the speech, below the switch''s folder for recordings',
  PRIMARY KEY (attempt, question)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: answers to surveys, and consent by voice';

-- The law, lists, callers.

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
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(IF(phone LIKE '%+%' OR LTRIM(SUBSTRING_INDEX(phone, '=', -1)) LIKE '00%', REPLACE(phone, '(0)', ''), phone), '=', -1), ' ', ''), '\t', ''), '\r', ''), '\n', ''), CHAR(0xC2A0 USING utf8mb4) COLLATE utf8mb4_unicode_ci, ''), '"', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) STORED,
  PRIMARY KEY (phone, campaign),
  KEY consents_number (number, campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='who has agreed to be called, and who has withdrawn';

CREATE TABLE IF NOT EXISTS ccdata.opt_outs (
  who VARCHAR(80) NOT NULL COMMENT 'a number however it is written, or contact:<contact id>',
  opted_at DATETIME(3) NOT NULL,
  campaign VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'in which it was said; it holds for all',
  attempt VARCHAR(36) NOT NULL DEFAULT '',
  via VARCHAR(32) NOT NULL DEFAULT '' COMMENT 'key, disposition, sql, …',
  number VARCHAR(80) GENERATED ALWAYS AS
    (IF(who LIKE 'contact:%', who, REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(IF(who LIKE '%+%' OR LTRIM(SUBSTRING_INDEX(who, '=', -1)) LIKE '00%', REPLACE(who, '(0)', ''), who), '=', -1), ' ', ''), '\t', ''), '\r', ''), '\n', ''), CHAR(0xC2A0 USING utf8mb4) COLLATE utf8mb4_unicode_ci, ''), '"', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', ''))) STORED,
  PRIMARY KEY (who),
  KEY opt_outs_number (number)
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

CREATE TABLE IF NOT EXISTS ccdata.law_outlook (
  source TINYINT NOT NULL COMMENT '0 = a contact of calls_spool, 1 = a scheduled call of calls_scheduler',
  id BIGINT UNSIGNED NOT NULL COMMENT 'of that row',
  campaign VARCHAR(128) NOT NULL,
  held_by VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'rule: docs/law.md',
  reason VARCHAR(255) NOT NULL DEFAULT '',
  from_utc DATETIME(3) NOT NULL COMMENT 'the rule holds from then on; later than now = it may be called until then',
  until_utc DATETIME(3) NULL DEFAULT NULL COMMENT 'NULL = it does not end by itself',
  judged_at DATETIME(3) NOT NULL COMMENT 'UTC; what has not changed since is not written anew',
  PRIMARY KEY (source, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: what the law says of every contact that waits, written by the engine round after round';

CREATE OR REPLACE VIEW ccdata.held_spool AS
  SELECT campaign, list, id, contact, destination, status,
    CASE rule WHEN 'law' THEN law WHEN 'own' THEN own ELSE rule END AS held_by,
    CASE rule WHEN 'law' THEN law_reason WHEN 'own' THEN own_reason WHEN 'retry' THEN own_reason
      WHEN 'black_list' THEN own_reason WHEN 'row' THEN own_reason
      WHEN 'settings' THEN IF(state = 'set_aside', state_reason, law_reason)
      WHEN 'turn' THEN IF(state = 'running', state_reason, '') ELSE '' END AS reason,
    CASE rule WHEN 'law' THEN law_until WHEN 'own' THEN IF(status = 1, own_until, NULL) WHEN 'retry' THEN own_until
      WHEN 'schedule' THEN state_until ELSE NULL END AS until_utc,
    CONVERT('contact' USING utf8mb4) COLLATE utf8mb4_unicode_ci AS kind
  FROM (
    SELECT s.campaign, s.dialerbase AS list, s.id, s.contact, s.destination, s.status,
      s.held_by AS own, s.reason AS own_reason, s.notbefore AS own_until,
      o.held_by AS law, o.reason AS law_reason, o.until_utc AS law_until,
      c.state, c.reason AS state_reason, c.until_utc AS state_until,
      CASE
        WHEN s.status <> 1 AND s.held_by <> '' THEN 'own'
        WHEN s.status = 3 THEN 'black_list'
        WHEN s.status <> 1 THEN 'row'
        WHEN o.id IS NOT NULL AND o.until_utc IS NULL AND o.held_by <> 'settings' THEN 'law'
        WHEN s.notbefore > UTC_TIMESTAMP(3) AND o.until_utc > s.notbefore THEN 'law'
        WHEN s.notbefore > UTC_TIMESTAMP(3) THEN IF(s.held_by = '', 'retry', 'own')
        WHEN d.campaign IS NULL THEN 'no_dialer'
        WHEN d.status = 0 THEN 'dialer_off'
        WHEN s.dialerbase <> '' AND NOT EXISTS (SELECT 1 FROM ccdata.dialer_base b
          WHERE b.campaign = s.campaign AND b.name = s.dialerbase AND b.active <> 0
            AND (b.percentage IS NULL OR b.percentage > 0 OR NOT EXISTS (SELECT 1 FROM ccdata.dialer_base o
              WHERE o.campaign = b.campaign AND o.active <> 0 AND o.priority = b.priority AND o.percentage > 0))
          ) THEN 'list_inactive'
        WHEN c.campaign IS NULL OR c.updated_at < UTC_TIMESTAMP(3) - INTERVAL 30 SECOND
          OR c.state IN ('stopped', 'disabled') THEN 'no_engine'
        WHEN c.state = 'set_aside' OR o.held_by = 'settings' THEN 'settings'
        WHEN c.state = 'off_schedule' AND (o.id IS NULL OR c.until_utc IS NULL OR c.until_utc >= o.until_utc)
          THEN 'schedule'
        WHEN o.id IS NOT NULL THEN 'law'
        WHEN s.agentphone <> '' AND LOWER(d.dialertype) IN ('preview', 'progressive') THEN 'agent'
        ELSE 'turn'
      END AS rule
    FROM ccdata.calls_spool s
    LEFT JOIN ccdata.dialers d ON d.campaign = s.campaign
    LEFT JOIN ccdata.campaign_state c ON c.campaign = s.campaign
    LEFT JOIN ccdata.law_outlook o ON o.source = 0 AND o.id = s.id AND o.campaign = s.campaign
      AND o.from_utc <= UTC_TIMESTAMP(3) AND (o.until_utc IS NULL OR o.until_utc > UTC_TIMESTAMP(3))
    WHERE s.status <> 0
  ) waiting;

CREATE OR REPLACE VIEW ccdata.held_scheduled AS
  SELECT campaign, CONVERT('' USING utf8mb4) COLLATE utf8mb4_unicode_ci AS list, id, contact, destination, CAST(NULL AS SIGNED) AS status,
    CASE rule WHEN 'law' THEN law ELSE rule END AS held_by,
    CASE rule WHEN 'law' THEN law_reason
      WHEN 'settings' THEN IF(state = 'set_aside', state_reason, law_reason)
      WHEN 'turn' THEN IF(state = 'running', state_reason, '') ELSE '' END AS reason,
    CASE rule WHEN 'law' THEN law_until WHEN 'scheduled' THEN at_utc WHEN 'schedule' THEN state_until
      ELSE NULL END AS until_utc,
    CONVERT('scheduled' USING utf8mb4) COLLATE utf8mb4_unicode_ci AS kind
  FROM (
    SELECT k.campaign, k.id, k.contact, k.destination, CONVERT_TZ(k.calldate, 'SYSTEM', '+00:00') AS at_utc,
      o.held_by AS law, o.reason AS law_reason, o.until_utc AS law_until,
      c.state, c.reason AS state_reason, c.until_utc AS state_until,
      CASE
        WHEN o.held_by = 'scheduled' OR (o.until_utc IS NULL AND o.held_by <> 'settings') THEN 'law'
        WHEN CONVERT_TZ(k.calldate, 'SYSTEM', '+00:00') > UTC_TIMESTAMP(3)
          THEN IF(o.held_by <> 'settings', 'law', 'scheduled')
        WHEN d.campaign IS NULL THEN 'no_dialer'
        WHEN d.status = 0 THEN 'dialer_off'
        WHEN c.campaign IS NULL OR c.updated_at < UTC_TIMESTAMP(3) - INTERVAL 30 SECOND
          OR c.state IN ('stopped', 'disabled') THEN 'no_engine'
        WHEN c.state = 'set_aside' OR o.held_by = 'settings' THEN 'settings'
        WHEN c.state = 'off_schedule' AND (o.id IS NULL OR c.until_utc IS NULL OR c.until_utc >= o.until_utc)
          THEN 'schedule'
        WHEN o.id IS NOT NULL THEN 'law'
        WHEN k.agentphone <> '' AND LOWER(d.dialertype) IN ('preview', 'progressive') THEN 'agent'
        ELSE 'turn'
      END AS rule
    FROM ccdata.calls_scheduler k
    LEFT JOIN ccdata.dialers d ON d.campaign = k.campaign
    LEFT JOIN ccdata.campaign_state c ON c.campaign = k.campaign
    LEFT JOIN ccdata.law_outlook o ON o.source = 1 AND o.id = k.id AND o.campaign = k.campaign
      AND o.from_utc <= UTC_TIMESTAMP(3) AND (o.until_utc IS NULL OR o.until_utc > UTC_TIMESTAMP(3))
  ) planned;

CREATE OR REPLACE VIEW ccdata.held_contacts AS
  SELECT campaign, list, id, contact, destination, status, held_by, reason, until_utc, kind
  FROM ccdata.held_spool
  UNION ALL
  SELECT campaign, list, id, contact, destination, status, held_by, reason, until_utc, kind
  FROM ccdata.held_scheduled;

CREATE TABLE IF NOT EXISTS ccdata.uploads (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  file VARCHAR(255) NOT NULL,
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of the content: the same file is loaded once into a list',
  list VARCHAR(128) NOT NULL,
  status VARCHAR(16) NOT NULL DEFAULT 'loading' COMMENT 'waiting, loading (sent again, it goes on), done, refused',
  lines_read BIGINT NOT NULL DEFAULT 0,
  accepted BIGINT NOT NULL DEFAULT 0,
  refused BIGINT NOT NULL DEFAULT 0 COMMENT 'each has its row in upload_lines',
  message VARCHAR(500) NOT NULL DEFAULT '' COMMENT 'why the file was refused',
  started_at DATETIME(3) NOT NULL,
  updated_at DATETIME(3) NOT NULL,
  campaign VARCHAR(128) NOT NULL DEFAULT '' COMMENT 'that the request named; a line''s own counts',
  username VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'who sent it',
  timezone VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'of its contacts',
  announced INT NOT NULL DEFAULT 0 COMMENT 'lines that the sender counted',
  holder VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'engine in whose folder the file lies',
  stored VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'its name there',
  PRIMARY KEY (id),
  KEY uploads_file (sha256, list),
  KEY uploads_waiting (status, holder, id),
  KEY uploads_time (updated_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: every file that was loaded, or refused';

CREATE TABLE IF NOT EXISTS ccdata.upload_lines (
  upload BIGINT UNSIGNED NOT NULL COMMENT 'uploads.id',
  line BIGINT UNSIGNED NOT NULL COMMENT 'of the file, from 1',
  reason VARCHAR(255) NOT NULL,
  text VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'how the line begins',
  PRIMARY KEY (upload, line)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: every line that was refused, or loaded without some of its alternatives, and why';

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
  timezone VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'calls_spool.timezone that it had',
  automatic INT NOT NULL DEFAULT 0 COMMENT 'calls_spool.automatic that it had',
  PRIMARY KEY (id),
  KEY finished_contacts_due (campaign, outcome, again_at, finished_at),
  KEY finished_contacts_list (campaign, dialerbase),
  KEY finished_contacts_contact (contact),
  KEY finished_contacts_spool (spool_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- Who may use the HTTP API.

CREATE TABLE IF NOT EXISTS ccdata.users (
  user VARCHAR(80) NOT NULL COMMENT 'login name; no colon: tokens hold it',
  fullname VARCHAR(128) NOT NULL DEFAULT '',
  email VARCHAR(128) NOT NULL DEFAULT '',
  role VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'agent, supervisor, administrator, integration',
  state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'active' COMMENT 'active, inactive, blocked (wrong passwords)',
  password VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'argon2id; empty = nobody logs in with a password',
  password_at DATETIME(3) NOT NULL COMMENT 'last change',
  must_change TINYINT NOT NULL DEFAULT 0 COMMENT '1 = somebody else set the password',
  password_stays TINYINT NOT NULL DEFAULT 0 COMMENT '1 = it neither expires nor must be changed: for programs',
  failures INT NOT NULL DEFAULT 0 COMMENT 'wrong passwords in a row',
  blocked_at DATETIME(3) NULL DEFAULT NULL,
  login_at DATETIME(3) NULL DEFAULT NULL COMMENT 'last login',
  login_hours VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'as dialers.schedule, e.g. mon-fri;08:00-18:00; empty = always',
  valid_from DATETIME NULL DEFAULT NULL COMMENT 'temporary account: local time',
  valid_until DATETIME NULL DEFAULT NULL COMMENT 'temporary account: local time',
  created_at DATETIME(3) NOT NULL,
  enabled_at DATETIME(3) NOT NULL COMMENT 'when somebody let the user in: idle days count from here or from the last login',
  PRIMARY KEY (user)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.user_campaigns (
  user VARCHAR(80) NOT NULL,
  campaign VARCHAR(128) NOT NULL COMMENT '* = every campaign; without a row: none',
  PRIMARY KEY (user, campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='which campaigns a user may see and steer';

CREATE TABLE IF NOT EXISTS ccdata.user_passwords (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  user VARCHAR(80) NOT NULL,
  password VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'argon2id',
  set_at DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY user_passwords_user (user, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='passwords that a user has had: the last ones are refused';

CREATE TABLE IF NOT EXISTS ccdata.tokens (
  digest CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the token, which is kept nowhere',
  user VARCHAR(80) NOT NULL,
  host VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'address that it was given to',
  made_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NOT NULL,
  PRIMARY KEY (digest),
  KEY tokens_user (user),
  KEY tokens_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='live sessions; deleting a row ends one';

CREATE TABLE IF NOT EXISTS ccdata.phones (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  name VARCHAR(40) NOT NULL COMMENT 'extension',
  accountcode VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'users.user whose phone it is',
  fullname VARCHAR(128) NOT NULL DEFAULT '',
  md5secret CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'MD5 of <extension>:<realm>:<password>, for SIP',
  options VARCHAR(2000) NOT NULL DEFAULT '{}' COMMENT 'JSON: further documented keys that differ from their defaults',
  PRIMARY KEY (id),
  UNIQUE KEY phones_name (name),
  KEY phones_user (accountcode)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='phones of agents and of supervisors with a phone';

-- The documented HTTP operations.

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
  KEY disposition_repo_waiting (effect, id),
  KEY disposition_repo_age (datetime)
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

CREATE TABLE IF NOT EXISTS ccdata.caller_ids (
  campaign VARCHAR(128) NOT NULL COMMENT 'as in dialers; * = every campaign',
  entry VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'PREFIX#CALLERID-FROM-TO, as in dialers.callerid',
  enabled TINYINT NOT NULL DEFAULT 1 COMMENT '0 = not used',
  note VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'second column of the file that it came from',
  created DATETIME NULL DEFAULT CURRENT_TIMESTAMP COMMENT 'local time of the server',
  PRIMARY KEY (campaign, entry)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people: caller IDs that take turns; they are shown before dialers.callerid';

CREATE TABLE IF NOT EXISTS ccdata.caller_id_state (
  number VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'digits; one row however many campaigns show it',
  last_used_at DATETIME(3) NULL DEFAULT NULL,
  attempts INT NOT NULL DEFAULT 0 COMMENT 'of the recent window: docs/caller-id.md',
  answers INT NOT NULL DEFAULT 0 COMMENT 'answered by a person',
  rejections INT NOT NULL DEFAULT 0 COMMENT 'refused by the called side (403, 603, 607, 608)',
  flagged INT NOT NULL DEFAULT 0 COMMENT 'of the rejections: 607 and 608, which speak of the caller',
  counted_from DATETIME(3) NULL DEFAULT NULL COMMENT 'calls before it count no more: its last rest ended then',
  resting_until DATETIME(3) NULL DEFAULT NULL COMMENT 'not shown before; may be set and cleared by SQL',
  reason VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'of the last rest',
  rests INT NOT NULL DEFAULT 0 COMMENT 'automatic rests in a row; each is twice as long as the one before',
  PRIMARY KEY (number),
  KEY caller_id_state_resting (resting_until),
  KEY caller_id_state_used (last_used_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='how each number fares that was shown';

CREATE OR REPLACE VIEW ccdata.caller_id_health AS
  SELECT number,
    CONVERT(IF(resting_until > UTC_TIMESTAMP(3), 'resting', 'healthy') USING utf8mb4)
      COLLATE utf8mb4_unicode_ci AS state, attempts, answers,
    ROUND(answers / NULLIF(attempts, 0), 4) AS answer_rate, rejections, flagged, last_used_at,
    IF(resting_until > UTC_TIMESTAMP(3), resting_until, NULL) AS resting_until, reason, rests
  FROM ccdata.caller_id_state;

-- Draining.

CREATE TABLE IF NOT EXISTS ccdata.drains (
  campaign VARCHAR(128) NOT NULL COMMENT 'as in dialers; * = every campaign, and orders for single calls',
  reason VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'shown wherever somebody asks why nothing is dialled',
  since TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people (overdial drain, overdial resume): a row means no new calls';

-- Events for other systems, and requests of the API that were answered. Times are UTC.

CREATE TABLE IF NOT EXISTS ccdata.webhooks (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  campaign VARCHAR(128) NOT NULL DEFAULT '*' COMMENT '* = every campaign',
  url VARCHAR(2000) NOT NULL COMMENT 'of the endpoint that gets the events',
  events VARCHAR(255) NOT NULL DEFAULT '*' COMMENT 'call.ended,call.disposition,list.finished,budget.warning; * = all',
  secret VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'whsec_<base64>: signs every delivery',
  old_secret VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'signs as well until old_secret_until',
  old_secret_until DATETIME(3) NULL DEFAULT NULL,
  masked TINYINT NOT NULL DEFAULT 0 COMMENT '1 = of phone numbers only the last three digits are sent',
  enabled TINYINT NOT NULL DEFAULT 1,
  reason VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'why the engine switched it off',
  created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)),
  PRIMARY KEY (id),
  KEY webhooks_enabled (enabled, campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people: which endpoint hears of what';

CREATE TABLE IF NOT EXISTS ccdata.webhook_events (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'webhook-id: the same in every delivery',
  kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign VARCHAR(128) NOT NULL,
  body TEXT NOT NULL COMMENT 'what is sent, as JSON',
  created_at DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY webhook_events_age (created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: written in the transaction of what they tell of';

CREATE TABLE IF NOT EXISTS ccdata.webhook_deliveries (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  webhook BIGINT UNSIGNED NOT NULL COMMENT 'webhooks.id',
  event CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'webhook_events.id',
  attempts INT NOT NULL DEFAULT 0,
  next_try DATETIME(3) NULL COMMENT 'NULL = delivered',
  last_status INT NULL COMMENT 'HTTP status of the last answer; NULL = none came',
  last_error VARCHAR(255) NOT NULL DEFAULT '',
  created_at DATETIME(3) NOT NULL,
  delivered_at DATETIME(3) NULL,
  PRIMARY KEY (id),
  UNIQUE KEY webhook_deliveries_once (event, webhook),
  KEY webhook_deliveries_due (webhook, next_try),
  KEY webhook_deliveries_age (delivered_at, created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: what waits to be sent to whom, and what was sent of late';

CREATE TABLE IF NOT EXISTS ccdata.webhook_dead_letters (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  webhook BIGINT UNSIGNED NOT NULL,
  event CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign VARCHAR(128) NOT NULL,
  body TEXT NOT NULL,
  attempts INT NOT NULL,
  last_status INT NULL,
  last_error VARCHAR(255) NOT NULL DEFAULT '',
  happened_at DATETIME(3) NOT NULL,
  died_at DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY webhook_dead_letters_once (webhook, event),
  KEY webhook_dead_letters_age (webhook, died_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='events that could not be delivered; sent anew by overdial webhooks replay';

CREATE TABLE IF NOT EXISTS ccdata.webhook_marks (
  kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'list, budget',
  campaign VARCHAR(128) NOT NULL,
  name VARCHAR(128) NOT NULL COMMENT 'list: its name; budget: near, over',
  mark BIGINT UNSIGNED NOT NULL COMMENT 'list: the last finished contact that was told of; budget: the day',
  PRIMARY KEY (kind, campaign, name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: what was told of already';

CREATE TABLE IF NOT EXISTS ccdata.idempotency_keys (
  caller VARCHAR(80) NOT NULL COMMENT 'user of the API',
  word VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'header Idempotency-Key',
  request CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of method, path and body',
  status INT NOT NULL DEFAULT 0 COMMENT 'of the answer; 0 = it is being worked on',
  location VARCHAR(1000) NOT NULL DEFAULT '',
  answer MEDIUMTEXT NULL,
  created_at DATETIME(3) NOT NULL,
  PRIMARY KEY (caller, word),
  KEY idempotency_keys_age (created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: a request that is sent twice has one effect';

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

CREATE TABLE IF NOT EXISTS ccdata.schema_migrations (
  version INT NOT NULL,
  name VARCHAR(128) NOT NULL,
  applied_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (version)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

INSERT IGNORE INTO ccdata.schema_migrations (version, name) VALUES
  (1, '0001_settings'),
  (2, '0002_spool'),
  (3, '0003_history'),
  (4, '0004_other_channels'),
  (5, '0005_engine'),
  (6, '0006_modes'),
  (7, '0007_broadcast'),
  (8, '0008_law_and_lists'),
  (9, '0009_caller_ids'),
  (10, '0010_why_not'),
  (11, '0011_users'),
  (12, '0012_integra'),
  (13, '0013_webhooks'),
  (14, '0014_drains'),
  (15, '0015_outlook'),
  (16, '0016_own_zones'),
  (17, '0017_numbers_as_written'),
  (18, '0018_ages');
