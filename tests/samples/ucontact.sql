-- The documented columns of uContact's tables that docs/from-ucontact.md reads.
CREATE TABLE calls_spool (campaign VARCHAR(80), destination VARCHAR(64), status INT, data TEXT, alternatives TEXT,
  contact VARCHAR(64), dialerbase VARCHAR(80), priority INT, agentphone VARCHAR(80));
CREATE TABLE dialer_base (id INT AUTO_INCREMENT PRIMARY KEY, campaign VARCHAR(80), name VARCHAR(80), records INT, active INT,
  percentage INT);
CREATE TABLE calls_scheduler (id INT AUTO_INCREMENT PRIMARY KEY, calldate DATETIME, campaign VARCHAR(80), destination VARCHAR(64),
  agentphone VARCHAR(80));
CREATE TABLE black_list (phone VARCHAR(64), campaign VARCHAR(80), username VARCHAR(80), company VARCHAR(80),
  job_title VARCHAR(80), name VARCHAR(80));
INSERT INTO calls_spool VALUES ('Ventas->', '099111222', 0, 'nombre=Ana', '', 'C1', 'MARZO', 9999, ''),
  ('Ventas->', '099111223', 3, '', '', 'C2', 'MARZO', 9999, '');
INSERT INTO dialer_base (campaign, name, records, active, percentage) VALUES ('Ventas->', 'MARZO', 2, 1, NULL);
INSERT INTO calls_scheduler (calldate, campaign, destination, agentphone) VALUES ('2026-12-01 09:00:00', 'Ventas->', '099111224', '');
INSERT INTO black_list VALUES ('099111299', '*', 'admin', '', '', '');
