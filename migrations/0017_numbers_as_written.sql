-- Numbers are known by their digits also where a list came from a file with other line ends, from a spreadsheet or from
-- a page: CR, LF, no-break spaces and quotes do not count, and of +44 (0)20 … the 0 in brackets does not.

ALTER TABLE ccdata.black_list MODIFY COLUMN number VARCHAR(64) GENERATED ALWAYS AS
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(IF(phone LIKE '%+%' OR LTRIM(SUBSTRING_INDEX(phone, '=', -1)) LIKE '00%', REPLACE(phone, '(0)', ''), phone), '=', -1), ' ', ''), '\t', ''), '\r', ''), '\n', ''), CHAR(0xC2A0 USING utf8mb4) COLLATE utf8mb4_unicode_ci, ''), '"', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) STORED;

ALTER TABLE ccdata.black_list_schedule MODIFY COLUMN number VARCHAR(64) GENERATED ALWAYS AS
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(IF(phone LIKE '%+%' OR LTRIM(SUBSTRING_INDEX(phone, '=', -1)) LIKE '00%', REPLACE(phone, '(0)', ''), phone), '=', -1), ' ', ''), '\t', ''), '\r', ''), '\n', ''), CHAR(0xC2A0 USING utf8mb4) COLLATE utf8mb4_unicode_ci, ''), '"', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) STORED;

ALTER TABLE ccdata.consents MODIFY COLUMN number VARCHAR(64) GENERATED ALWAYS AS
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(IF(phone LIKE '%+%' OR LTRIM(SUBSTRING_INDEX(phone, '=', -1)) LIKE '00%', REPLACE(phone, '(0)', ''), phone), '=', -1), ' ', ''), '\t', ''), '\r', ''), '\n', ''), CHAR(0xC2A0 USING utf8mb4) COLLATE utf8mb4_unicode_ci, ''), '"', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) STORED;

ALTER TABLE ccdata.calls_spool MODIFY COLUMN number VARCHAR(64) GENERATED ALWAYS AS
    (REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(IF(destination LIKE '%+%' OR LTRIM(SUBSTRING_INDEX(destination, '=', -1)) LIKE '00%', REPLACE(destination, '(0)', ''), destination), '=', -1), ' ', ''), '\t', ''), '\r', ''), '\n', ''), CHAR(0xC2A0 USING utf8mb4) COLLATE utf8mb4_unicode_ci, ''), '"', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', '')) VIRTUAL;

ALTER TABLE ccdata.opt_outs MODIFY COLUMN who VARCHAR(80) NOT NULL COMMENT 'a number however it is written, or contact:<contact id>';
ALTER TABLE ccdata.opt_outs ADD COLUMN number VARCHAR(80) GENERATED ALWAYS AS
    (IF(who LIKE 'contact:%', who, REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(SUBSTRING_INDEX(IF(who LIKE '%+%' OR LTRIM(SUBSTRING_INDEX(who, '=', -1)) LIKE '00%', REPLACE(who, '(0)', ''), who), '=', -1), ' ', ''), '\t', ''), '\r', ''), '\n', ''), CHAR(0xC2A0 USING utf8mb4) COLLATE utf8mb4_unicode_ci, ''), '"', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), '+', ''))) STORED;
ALTER TABLE ccdata.opt_outs ADD KEY opt_outs_number (number);

-- A list with the share 0 beside one that has more is not called.
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
