/*
 * reply.h - what a patient's inbound message means.
 *
 * Contract: doc/reply-grammar.md. Pure: bytes in, struct out; no clock, database, locale, state or
 * allocation (about 200 KB of stack); linear in the input. The rule above all others: never record
 * a report that the patient did not send. A message that can be read in two ways is
 * `REPLY_AMBIGUOUS`.
 */
#ifndef HERSYS_REPLY_REPLY_H
#define HERSYS_REPLY_REPLY_H

#include <stdbool.h>
#include <stddef.h>

enum {
    REPLY_INPUT_MAX = 2000, /* bytes read; a longer message is cut there and never a report */
    REPLY_REPORTS_MAX = 9,  /* members of a household have the numbers 1-9 */
    REPLY_MEMBER_MAX = 256, /* bytes with the NUL: a member's number or name */
    REPLY_VALUE_MAX = 32,   /* bytes with the NUL: a number as read */
    REPLY_JSON_MAX = 32768, /* bytes with the NUL: the longest that reply_format_json() writes */
};

enum reply_outcome {
    REPLY_REPORT,
    REPLY_INCOMPLETE,   /* a field was read, a required one is missing */
    REPLY_OUT_OF_RANGE, /* a value that its field cannot have */
    REPLY_AMBIGUOUS,    /* more than one reading */
    REPLY_CONFLICT,     /* yes and no both */
    REPLY_COMMAND,
    REPLY_UNRECOGNISED, /* no field was read */
    REPLY_EMPTY,        /* nothing was left after normalisation and noise */
};

enum reply_field { REPLY_TEMPERATURE, REPLY_SPO2, REPLY_SYMPTOMS, REPLY_FIELDS };

enum reply_command {
    REPLY_STOP,
    REPLY_START,
    REPLY_HELP,
    REPLY_UNDO,
    REPLY_WRONG,
    REPLY_WRONG_NUMBER,
    REPLY_CONFIRM,
    REPLY_LANG,
};

/* The values of one report, or of what was read of one. Absent fields are false in `has`. */
struct reply_values {
    bool has[REPLY_FIELDS];
    int temperature_centi; /* hundredths of a degree Celsius: 3690 is 36.9 */
    int spo2;              /* percent */
    bool symptoms;
    char member[REPLY_MEMBER_MAX]; /* number "1".."9", or the name as written (NFKC); "" where none
                                    */
    char note[REPLY_INPUT_MAX * 3 + 1]; /* NFKC may lengthen what was typed */
};

struct reply {
    enum reply_outcome outcome;
    int count; /* REPLY_REPORT: reports in `reports`; REPLY_INCOMPLETE: 1, the partial one */
    struct reply_values reports[REPLY_REPORTS_MAX];
    bool replaces;     /* an undo word stood before it */
    bool needs_review; /* words were left over: of a report, or of what was read of one */
    bool stop_word;    /* one of them is that of a command to stop */
    bool several;      /* it was to be several reports */
    bool cancel;       /* REPLY_STOP: by the word "cancel", which may mean the last report */
    bool red_flag;
    char member[REPLY_MEMBER_MAX]; /* whose report failed (failing outcomes) */
    bool missing[REPLY_FIELDS];    /* REPLY_INCOMPLETE */
    enum reply_field field;        /* REPLY_OUT_OF_RANGE */
    char value[REPLY_VALUE_MAX];   /* REPLY_OUT_OF_RANGE: the number as read, '.' as its mark */
    enum reply_command command;    /* REPLY_COMMAND */
    const char *language;          /* REPLY_LANG: "ja", "zh-Hant", ...; static */
    char code[9];                  /* REPLY_CONFIRM: 6 or 8 digits */
    /* What was read whatever became of the message; 0 where nothing was. Failing outcomes only. */
    int lowest_spo2;
    int highest_temperature_centi;
};

/* What the configuration decides. */
struct reply_rules {
    bool spo2_required;
};

/* Reads `len` bytes (any bytes, also NUL and not UTF-8) into `reply`, overwriting all of it. */
void reply_parse(const char *bytes, size_t len, const struct reply_rules *rules,
                 struct reply *reply);

/* The text as a lone name: one to three plain words with noise around them, NFKC, without
 * honorifics; "" where it is none. It means something only while it is asked whose report it is. */
void reply_lone_name(const char *bytes, size_t len, char name[REPLY_MEMBER_MAX]);

/* The JSON object of doc/reply-grammar.md section 4, keys in its order, into `text` of `size` bytes
 * (REPLY_JSON_MAX always suffices). Returns its length, without the NUL. */
size_t reply_format_json(const struct reply *reply, char *text, size_t size);

/* How one piece of a message was read. */
enum reply_reading {
    REPLY_READ_NOTHING, /* not decided: nothing was made of it */
    REPLY_READ_NOISE,
    REPLY_READ_MEMBER,
    REPLY_READ_LABEL,
    REPLY_READ_TEMPERATURE,
    REPLY_READ_SPO2,
    REPLY_READ_UNIT,
    REPLY_READ_YES,
    REPLY_READ_NO,
    REPLY_READ_SYMPTOM,  /* named: a yes */
    REPLY_READ_NEGATED,  /* a named symptom with its negation: says nothing */
    REPLY_READ_NO_VALUE, /* "SpO2 none" */
    REPLY_READ_NOTE,     /* words left over */
    REPLY_READ_COMMAND,
    REPLY_READ_UNDO,
    REPLY_READ_OUT_OF_RANGE,
    REPLY_READ_UNDECIDED, /* can be read in two ways, or a number left over */
};

/* A piece of the message: the bytes [begin, end) of what was given to reply_explain(). */
struct reply_piece {
    size_t begin, end;
    enum reply_reading reading;
};

/* Like reply_parse(), and tells how each piece was read, in the order of the message: at most `max`
 * pieces. What no piece covers was a separator, was dropped, or stands on a line that is not the
 * patient's. Returns their number. */
size_t reply_explain(const char *bytes, size_t len, const struct reply_rules *rules,
                     struct reply *reply, struct reply_piece *pieces, size_t max);

/* "temperature", "noise", ...: for people. Static. */
const char *reply_reading_word(enum reply_reading reading);

/* "report", "incomplete", ... and "stop", "wrong_number", ...: the words of the contract. Static.
 */
const char *reply_outcome_word(enum reply_outcome outcome);
const char *reply_command_word(enum reply_command command);

#endif
