#!/usr/bin/env bash
# What run.sh lets happen inside the fresh machine: every command, what it says, how it ends and how long it takes.
# shellcheck disable=SC2016 # the steps are run by a shell of their own
cd /root/overdial || exit 1
broken=0

# <status that is right> <command>
step() {
    local begin status
    printf '\n$ %s\n' "$2"
    begin=$(date +%s%N)
    bash -c "set -o pipefail; $2" 2>&1
    status=$?
    printf '[status %s, %s.%s s]\n' "$status" "$((($(date +%s%N) - begin) / 1000000000))" \
        "$((($(date +%s%N) - begin) / 100000000 % 10))"
    if [ "$status" -ne "$1" ]; then
        printf '!! status %s was expected\n' "$1"
        broken=1
    fi
}

step 0 '. /etc/os-release; echo $PRETTY_NAME; systemctl --version | head -n 1; asterisk -rx "core waitfullybooted" >/dev/null; asterisk -rx "core show version" | cut -d" " -f1,2; mariadb --version'
# A manager user of the operator's own, in a file whose last line has no end.
printf '\n[boss]\nsecret = theirs\nread = system\npermit = 127.0.0.1/255.255.255.0' >>/etc/asterisk/manager.conf
step 0 './deploy/install.sh --asterisk'
step 0 'grep -x "permit = 127.0.0.1/255.255.255.0" /etc/asterisk/manager.conf; asterisk -rx "manager show users" | grep -xE "boss|overdial"'
step 0 'systemd-analyze security overdial --no-pager | tail -n 1'
step 0 'systemctl is-active overdial && systemctl show overdial -p Type,WatchdogUSec,NRestarts'
step 0 './deploy/install.sh --asterisk | sed -n 1,8p'
# From here on with a database account of the operator's own, and with the HTTP API in its process.
step 0 "mariadb <<'SQL'
CREATE USER dialer@localhost IDENTIFIED BY 'theirs';
GRANT ALL ON ccdata.* TO dialer@localhost; GRANT ALL ON ccrepo.* TO dialer@localhost;
SQL
sed -i -e 's|^password_file = .*|user = \"dialer\"\npassword = \"theirs\"|' -e 's|^# port = 0  *# 0 = none|port = 9470|' /etc/overdial/overdial.toml
./deploy/install.sh --asterisk | grep -A1 '^==> database'; mariadb -udialer -ptheirs -N -e 'SELECT CURRENT_USER()'
pgrep -u overdial -fa office_process"

cat >>/etc/asterisk/extensions.conf <<'TEXT'

[trial]
exten => _X.,1,Answer()
 same => n,Wait(4)
exten => agent,1,Answer()
 same => n,Wait(60)
TEXT
step 0 "asterisk -rx 'dialplan reload'; mariadb <<'SQL'
INSERT INTO ccdata.queues (name) VALUES ('TRIAL->');
INSERT INTO ccdata.queue_members (queue_name, interface, membername) VALUES ('TRIAL->', 'Local/agent@trial/n', 'maria');
INSERT INTO ccdata.dialers (campaign, dialstring, callerid, schedule, status, timeout)
VALUES ('TRIAL->', 'Local/@trial', '18885550100', 'sun-sat;00:00-23:59', 1, 10);
INSERT INTO ccdata.calls_spool (campaign, destination) VALUES ('TRIAL->', '5550100123');
SQL"
step 0 "for i in \$(seq 60); do mariadb -N -e 'SELECT 1 FROM ccdata.attempts WHERE state = \"ended\"' | grep -q 1 && break; sleep 0.5; done
mariadb -t -e 'SELECT campaign, state, outcome, agent FROM ccdata.attempts' | grep 'answered | maria'"
step 0 'runuser -u overdial -- overdial check --quiet --config /etc/overdial/overdial.toml'
step 0 'kill -STOP $(systemctl show overdial -p MainPID --value)
for i in $(seq 180); do systemctl show overdial -p NRestarts,ActiveState | sort | tr "\n" " " | grep "active NRestarts=1" && break; sleep 0.5; done | grep .'
step 0 'systemctl restart overdial; journalctl -u overdial -o cat | grep engine.stopped | tail -n 1'

# The next version, with a migration.
cp -r /root/overdial /root/overdial-next
sed -i 's/^version = "\(.*\)\.\([0-9]*\)"/version = "\1.99"/' /root/overdial-next/pyproject.toml
echo "CREATE TABLE IF NOT EXISTS ccdata.trial (id INT NOT NULL, PRIMARY KEY (id)) ENGINE=InnoDB;" \
    >/root/overdial-next/migrations/9999_trial.sql
step 0 '/root/overdial-next/deploy/install.sh --asterisk | sed -n 1,12p; systemctl is-active overdial'
step 1 '/opt/overdial/current/share/overdial/deploy/rollback.sh'
step 0 '/opt/overdial/current/share/overdial/deploy/rollback.sh --restore $(ls /var/lib/overdial/backups/*.gz)'
step 0 'systemctl is-active overdial; mariadb -N -e "SELECT COUNT(*) FROM ccdata.attempts; SELECT MAX(version) FROM ccdata.schema_migrations"'
cp /etc/asterisk/overdial/trunks/carrier-ip.conf /etc/asterisk/local/
step 1 '/opt/overdial/current/share/overdial/deploy/uninstall.sh'
rm /etc/asterisk/local/carrier-ip.conf
step 0 '/opt/overdial/current/share/overdial/deploy/uninstall.sh && ls -d /etc/overdial /var/lib/overdial && ! grep -l "; overdial" /etc/asterisk/*.conf && tail -n 1 /etc/asterisk/manager.conf; ! pgrep -u overdial -a && systemctl is-active asterisk'
step 0 '/root/overdial/deploy/install.sh --asterisk | tail -n 1; systemctl is-active overdial'
step 0 '/root/overdial/deploy/uninstall.sh --purge --drop-databases; ! ls -d /opt/overdial /etc/overdial /var/lib/overdial; ! getent passwd overdial && mariadb -udialer -ptheirs -N -e "SELECT CURRENT_USER()"; mariadb -N -e "SELECT user FROM mysql.user WHERE user = \"overdial\""'
printf '\nbroken: %s\n' "$broken"
exit "$broken"
