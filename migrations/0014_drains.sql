-- Draining: no new calls, while those that are up come to their end.

CREATE TABLE IF NOT EXISTS ccdata.drains (
  campaign VARCHAR(128) NOT NULL COMMENT 'as in dialers; * = every campaign, and orders for single calls',
  reason VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'shown wherever somebody asks why nothing is dialled',
  since TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people (overdial drain, overdial resume): a row means no new calls';
