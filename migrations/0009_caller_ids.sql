-- Caller IDs in rotation, and how they fare. Our own times are UTC.

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

ALTER TABLE ccdata.attempts
  ADD COLUMN caller_id VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'digits of the number that was shown';
ALTER TABLE ccdata.attempts ADD KEY attempts_caller_id (caller_id, sent_at);

CREATE OR REPLACE VIEW ccdata.caller_id_health AS
  SELECT number,
    CONVERT(IF(resting_until > UTC_TIMESTAMP(3), 'resting', 'healthy') USING utf8mb4)
      COLLATE utf8mb4_unicode_ci AS state, attempts, answers,
    ROUND(answers / NULLIF(attempts, 0), 4) AS answer_rate, rejections, flagged, last_used_at,
    IF(resting_until > UTC_TIMESTAMP(3), resting_until, NULL) AS resting_until, reason, rests
  FROM ccdata.caller_id_state;
