/*
 * parting.h - a message parted into reports, between report.c, which parts it, and answer.c, which
 * judges it.
 */
#ifndef HERSYS_REPLY_PARTING_H
#define HERSYS_REPLY_PARTING_H

#include "reply/message.h"

/* A report under construction. */
struct part {
    int first, past;           /* tokens */
    int digit;                 /* the member's number, 0 where none */
    int name_first, name_past; /* the tokens of its name; equal where none */
    int temperature, spo2;     /* -1 where none */
    int temperature_token, spo2_token;
    bool yes, no, symptom;
    bool doubt, word_doubt;
    int others; /* numbers that are nothing else */
    int other_token;
    int out_token; /* a number outside the field's range, -1 where none */
    enum reply_field out_field;
    bool words;         /* left over */
    bool unknown_words; /* of them, those that do not even measure something */
};

struct parting {
    struct message *message;
    struct reply *reply;
    struct part parts[REPLY_REPORTS_MAX];
    int count;
    bool too_many;
    bool values;    /* a number, answer or symptom stood anywhere before */
    int numbers;    /* all of them */
    int last_value; /* a token, -1 where none */
    bool temperature_read, spo2_read;
    bool any_number; /* in the whole message */
    bool counted;    /* a whole number may count something else */
    bool claimed;    /* a label, a unit or a percent sign took a number */
};

/* Judges each part and writes the outcome. */
void parting_answer(struct parting *parting);

static inline bool has_symptoms(const struct part *part)
{
    return part->yes || part->no || part->symptom;
}

static inline bool has_values(const struct part *part)
{
    return has_symptoms(part) || part->temperature >= 0 || part->spo2 >= 0 || part->others > 0 ||
           part->out_token >= 0;
}

static inline bool has_member(const struct part *part)
{
    return part->digit != 0 || part->name_past > part->name_first;
}

#endif
