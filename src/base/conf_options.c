/*
 * conf_options.c - the one table of options. It reads nothing.
 */
#include "base/conf_options.h"

#include <limits.h>
#include <string.h>

#include "base/conf.h"
#include "base/mem.h"

#define AT(member) offsetof(struct conf, member)

const struct conf_group conf_groups[] = {
    {"database", "PostgreSQL. Everything that lasts is kept there, and nowhere else."},
    {"http", "The HTTP API for health centres and the webhooks of the carriers."},
    {"email", "E-mail to patients: handed to one relay by SMTP (RFC 5321)."},
    {"codes", "Confirmation codes."},
    {"carriers", "Carriers that are reached over HTTP: a group for each link, whose name (a-z, "
                 "0-9, _ "
                 "and -, at most 40) stands in the log, in the database and in the addresses to "
                 "which the carrier brings receipts and replies. Any number of links may work side "
                 "by side. A change takes effect at a restart. See carriers.md in the "
                 "documentation."},
    {"links", "The links that patients get to register."},
    {"keys", "The keys from which tokens and signatures are made."},
    {"templates", "Every word that a patient reads."},
    {"delivery", "How messages are taken from the queue and put on the wire."},
    {"reminders", "How patients are reminded of their report."},
    {"reports", "How the patients' answers are read."},
    {"sandbox", "A carrier inside the daemon, for the quick start, demonstrations and tests. It "
                "sends to no "
                "telephone."},
    {"log", "What is written to standard error, or to the journal."},
    {"shutdown", "How the daemon ends."},
};
const size_t conf_group_count = MEM_COUNT(conf_groups);

const struct conf_option conf_options[] = {
    {.path = "database.dsn",
     .type = CONF_TEXT,
     .offset = AT(database.dsn),
     .fallback = "",
     .restart = true,
     .help = "Connection string or URI of PostgreSQL, as libpq reads it. Several hosts may be "
             "named; with "
             "target_session_attrs=read-write the daemon follows a failover. The empty text takes "
             "libpq's own "
             "defaults: the local socket, and the database named like the user. Keep a password in "
             "a "
             "passfile and not here."},
    {.path = "database.statement_timeout_seconds",
     .type = CONF_INTEGER,
     .offset = AT(database.statement_timeout_seconds),
     .fallback = "30",
     .min = 1,
     .max = 600,
     .unit = "seconds",
     .restart = true,
     .help = "PostgreSQL ends a statement of ours that runs longer than this."},

    {.path = "http.listen",
     .type = CONF_ADDRESS,
     .offset = AT(http.listen),
     .fallback = "127.0.0.1:8470",
     .restart = true,
     .help = "Numeric address and port to listen on, such as 127.0.0.1:8470 or [::1]:8470; port 0 "
             "takes a free "
             "one. A reverse proxy with TLS stands in front of whatever the internet reaches."},
    {.path = "http.max_body_bytes",
     .type = CONF_INTEGER,
     .offset = AT(http.max_body_bytes),
     .fallback = "262144",
     .min = 1024,
     .max = 16 * 1024 * 1024,
     .unit = "bytes",
     .help = "A request with a longer body is refused with status 413."},
    {.path = "http.max_connections",
     .type = CONF_INTEGER,
     .offset = AT(http.max_connections),
     .fallback = "1000",
     .min = 1,
     .max = 100000,
     .help = "Connections that may be open at once; more than these wait until one is closed. The "
             "limit of open "
             "files (LimitNOFILE in the unit file) must be higher."},
    {.path = "http.idle_timeout_seconds",
     .type = CONF_INTEGER,
     .offset = AT(http.idle_timeout_seconds),
     .fallback = "30",
     .min = 1,
     .max = 600,
     .unit = "seconds",
     .help = "A connection on which nothing arrives for so long is closed."},
    {.path = "http.public_url",
     .type = CONF_ORIGIN,
     .offset = AT(http.public_url),
     .fallback = "",
     .restart = true,
     .help = "How the carriers reach this listener through the reverse proxy, such as "
             "https://gateway.example.jp, without a slash at its end. Their receipts and the "
             "patients' replies come to addresses that start with it, and some carriers sign that "
             "address."},

    {.path = "email.relay",
     .type = CONF_HOST,
     .offset = AT(email.relay),
     .fallback = "",
     .restart = true,
     .help = "The SMTP server that takes our mail, such as smtp.example.jp:587. The empty text "
             "sends no e-mail. Port 465 (TLS from the first byte) is not spoken."},
    {.path = "email.starttls",
     .type = CONF_SWITCH,
     .offset = AT(email.starttls),
     .fallback = "true",
     .restart = true,
     .help = "Whether the session must be encrypted by STARTTLS, with a certificate that is valid "
             "for the relay's name. Only a relay on this host (localhost, 127.0.0.1, [::1]) may do "
             "without."},
    {.path = "email.ca_file",
     .type = CONF_FILE,
     .offset = AT(email.ca_file),
     .fallback = "",
     .restart = true,
     .help = "The certificate authorities (PEM) that the relay's certificate is checked against. "
             "The empty text takes the system's."},
    {.path = "email.user",
     .type = CONF_TEXT,
     .offset = AT(email.user),
     .fallback = "",
     .restart = true,
     .help = "The name to sign in with (SMTP AUTH). The empty text does not sign in."},
    {.path = "email.password_file",
     .type = CONF_FILE,
     .offset = AT(email.password_file),
     .fallback = "",
     .restart = true,
     .help = "The file that holds the password, on its first line. It must not be readable by "
             "everybody. It must be set where email.user is."},
    {.path = "email.from",
     .type = CONF_MAILBOX,
     .offset = AT(email.from),
     .fallback = "",
     .restart = true,
     .help = "The address from which mail comes, such as no-reply@my.example.jp. Patients are told "
             "to allow mail from its domain, so choose it once. It must be set where email.relay "
             "is."},
    {.path = "email.from_name",
     .type = CONF_TEXT,
     .offset = AT(email.from_name),
     .fallback = "",
     .restart = true,
     .help = "The name that mail programs show for that address, such as My HER-SYS. The empty "
             "text shows the address alone."},
    {.path = "email.sessions",
     .type = CONF_INTEGER,
     .offset = AT(email.sessions),
     .fallback = "2",
     .min = 1,
     .max = 16,
     .restart = true,
     .help = "How many sessions with the relay there may be at once."},
    {.path = "email.messages_per_session",
     .type = CONF_INTEGER,
     .offset = AT(email.messages_per_session),
     .fallback = "100",
     .min = 1,
     .max = 10000,
     .unit = "messages",
     .restart = true,
     .help = "After so many messages a session is ended and another begun."},
    {.path = "email.timeout_seconds",
     .type = CONF_INTEGER,
     .offset = AT(email.timeout_seconds),
     .fallback = "60",
     .min = 1,
     .max = 600,
     .unit = "seconds",
     .restart = true,
     .help = "How long a mail may wait until it is begun, how long the relay may then take to get "
             "the whole of it, and how long for its answer. All three together are how long a "
             "message may take, and delivery.lease_seconds is lengthened to it."},

    {.path = "codes.digits",
     .type = CONF_INTEGER,
     .offset = AT(codes.digits),
     .fallback = "6",
     .min = 6,
     .max = 8,
     .unit = "digits",
     .help = "How long confirmation codes are: 6 or 8."},
    {.path = "codes.confirm_by_sms",
     .type = CONF_SWITCH,
     .offset = AT(codes.confirm_by_sms),
     .fallback = "false",
     .help = "Whether a code that went out by SMS may also be confirmed by an SMS of the same "
             "telephone with nothing but the code. It proves that the telephone got the code, not "
             "whose telephone it is."},

    {.path = "links.base_url",
     .type = CONF_URL,
     .offset = AT(links.base_url),
     .fallback = "",
     .required = true,
     .help = "What registration links start with, such as https://my.example.jp, without a slash "
             "at its end. It "
             "must be set, and must start with https:// unless the sandbox is enabled. A whole "
             "link has 34 "
             "characters more and must not exceed 80, so that the message keeps to its segments: "
             "46 "
             "are left. Patients are told "
             "to trust this one domain, so choose it once."},

    {.path = "links.console_url",
     .type = CONF_ORIGIN,
     .offset = AT(links.console_url),
     .fallback = "",
     .help = "Where the staff of the health centres looks at alerts and calls, such as "
             "https://console.example.jp. It stands in messages to them, has at most 80 "
             "characters, and must start with https:// unless the sandbox is enabled. Without it "
             "those messages name no place to look at."},

    {.path = "keys.directory",
     .type = CONF_FILE,
     .offset = AT(keys.directory),
     .fallback = "/etc/hersys-gateway/keys",
     .required = true,
     .help = "The folder of the key files, each named by its purpose and number (link-1.key). They "
             "must not be "
             "readable by everybody. The highest number of a purpose makes new tokens; all of them "
             "are "
             "still valid for checking."},

    {.path = "templates.directory",
     .type = CONF_FILE,
     .offset = AT(templates.directory),
     .fallback = HERSYS_TEMPLATE_DIR,
     .required = true,
     .help = "The folder of the texts, by kind and language (reminder/ja.sms). All of them are "
             "checked at start and "
             "at reload."},

    {.path = "delivery.lease_seconds",
     .type = CONF_INTEGER,
     .offset = AT(delivery.lease_seconds),
     .fallback = "60",
     .min = 5,
     .max = 3600,
     .unit = "seconds",
     .help = "For how long a message belongs to the daemon that has claimed it. It is renewed "
             "while the message is "
             "on the wire. When a daemon dies, another takes its messages up after this time. It "
             "is "
             "lengthened where a carrier may take longer to answer."},
    {.path = "delivery.poll_seconds",
     .type = CONF_INTEGER,
     .offset = AT(delivery.poll_seconds),
     .fallback = "5",
     .min = 1,
     .max = 300,
     .unit = "seconds",
     .help = "How often the queue is looked at when no notification of PostgreSQL has come. It "
             "bounds how late a "
             "retry, or a message whose notification was lost, can be."},

    {.path = "reminders.tick_seconds",
     .type = CONF_INTEGER,
     .offset = AT(reminders.tick_seconds),
     .fallback = "30",
     .min = 1,
     .max = 600,
     .unit = "seconds",
     .help = "How often patients are looked for whose reminder is due, and urgent alerts that "
             "nobody has seen."},

    {.path = "reports.spo2_required",
     .type = CONF_SWITCH,
     .offset = AT(reports.spo2_required),
     .fallback = "false",
     .help = "Whether a report without oxygen saturation is incomplete. Leave it false where not "
             "every patient has "
             "been given a pulse oximeter."},

    {.path = "sandbox.enabled",
     .type = CONF_SWITCH,
     .offset = AT(sandbox.enabled),
     .fallback = "false",
     .restart = true,
     .help = "Whether the sandbox carrier runs. http.listen must be a loopback address then, for "
             "whoever "
             "reaches it reads the telephones of the sandbox. It also lets links.base_url start "
             "with http://. "
             "No carriers can be configured beside it, for it would take messages from them. Never "
             "enable it "
             "where patients are registered."},
    {.path = "sandbox.spool",
     .type = CONF_FILE,
     .offset = AT(sandbox.spool),
     .fallback = "",
     .restart = true,
     .help = "The file in which the sandbox carrier keeps the messages that it was given. It must "
             "be set when the "
             "sandbox is enabled."},
    {.path = "sandbox.number",
     .type = CONF_NUMBER,
     .offset = AT(sandbox.number),
     .fallback = "+817000000000",
     .restart = true,
     .help = "The gateway's own telephone number at the sandbox carrier, with a plus sign and the "
             "country code."},
    {.path = "sandbox.window",
     .type = CONF_INTEGER,
     .offset = AT(sandbox.window),
     .fallback = "32",
     .min = 1,
     .max = 10000,
     .unit = "messages",
     .restart = true,
     .help = "How many messages may be on the wire to the sandbox carrier at once."},
    {.path = "sandbox.delay_milliseconds",
     .type = CONF_INTEGER,
     .offset = AT(sandbox.delay_milliseconds),
     .fallback = "0",
     .min = 0,
     .max = 60000,
     .unit = "milliseconds",
     .restart = true,
     .help = "How long the sandbox carrier takes until it accepts a message."},
    {.path = "sandbox.receipt_milliseconds",
     .type = CONF_INTEGER,
     .offset = AT(sandbox.receipt_milliseconds),
     .fallback = "200",
     .min = 0,
     .max = 600000,
     .unit = "milliseconds",
     .restart = true,
     .help = "How long after that its delivery receipt comes."},

    {.path = "log.level",
     .type = CONF_LEVEL,
     .offset = AT(log.level),
     .fallback = "info",
     .help = "The least important lines that are written: error, warning, info or debug. No level "
             "writes texts, "
             "telephone numbers, names or tokens."},

    {.path = "shutdown.drain_seconds",
     .type = CONF_INTEGER,
     .offset = AT(shutdown.drain_seconds),
     .fallback = "20",
     .min = 0,
     .max = 600,
     .unit = "seconds",
     .help = "How long the daemon, once told to end, waits for what is on the wire. What is not "
             "finished then is "
             "taken up by another daemon when its lease has run out."},
};
const size_t conf_option_count = MEM_COUNT(conf_options);

bool conf_option_in_group(const struct conf_option *option, const char *group)
{
    size_t len = strlen(group);

    return strncmp(option->path, group, len) == 0 && option->path[len] == '.';
}

const char *conf_option_name(const struct conf_option *option)
{
    return strchr(option->path, '.') + 1;
}

const char *conf_type_words(enum conf_type type)
{
    static const char *const words[] = {
        [CONF_TEXT] = "Text",
        [CONF_INTEGER] = "A whole number",
        [CONF_SWITCH] = "true or false",
        [CONF_LEVEL] = "One of \"error\", \"warning\", \"info\", \"debug\"",
        [CONF_FILE] = "A path; a relative one starts at the folder of this file",
        [CONF_ADDRESS] = "An address and a port",
        [CONF_URL] = "The start of an address",
        [CONF_NUMBER] = "A telephone number",
        [CONF_ORIGIN] = "The start of an address",
        [CONF_HOST] = "A host and a port",
        [CONF_MAILBOX] = "An e-mail address",
        [CONF_WORD] = "A word",
        [CONF_ENDPOINT] = "An address",
        [CONF_PLACE] = "A place",
        [CONF_HEADER_NAME] = "The name of a header",
        [CONF_ACCOUNT] = "A name without blanks",
        [CONF_HEADERS] = "A list of headers",
        [CONF_STATES] = "A list of words and what they mean",
        [CONF_RULES] = "A list of rules",
    };

    return words[type];
}

bool conf_type_is_quoted(enum conf_type type)
{
    return type != CONF_INTEGER && type != CONF_SWITCH && type != CONF_HEADERS &&
           type != CONF_STATES && type != CONF_RULES;
}
