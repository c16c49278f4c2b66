-- Voice broadcast: what a campaign says and what its keys mean, and what people pressed and said.

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
