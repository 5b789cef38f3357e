/*
 * text.c - brings a message into the form in which its words are compared.
 *
 * Knows Unicode (through utf8proc), and nothing of what a message means. It allocates nothing, and
 * works on one base letter with its marks at a time, so that each letter knows the bytes it came
 * from.
 */
#include "reply/text.h"

#include <string.h>
#include <utf8proc.h>

#include "reply/reply.h"

enum {
    CLUSTER_MAX = 16, /* code points of a base letter and its marks; more begin a new cluster */
    DECOMPOSED_MAX = 128,
    KATAKANA_TO_HIRAGANA = 0x60,
};

/* Tables of ranges stand in ascending order. */
struct range {
    uint32_t first, last;
};

/* Emoji_Presentation (emoji-data.txt) below the emoji planes; those planes are dropped whole. */
static const struct range emoji[] =
    {
        {0x231A, 0x231B},   {0x23E9, 0x23EC},   {0x23F0, 0x23F0},    {0x23F3, 0x23F3},
        {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},    {0x267F, 0x267F},
        {0x2693, 0x2693},   {0x26A1, 0x26A1},   {0x26AA, 0x26AB},    {0x26BD, 0x26BE},
        {0x26C4, 0x26C5},   {0x26CE, 0x26CE},   {0x26D4, 0x26D4},    {0x26EA, 0x26EA},
        {0x26F2, 0x26F3},   {0x26F5, 0x26F5},   {0x26FA, 0x26FA},    {0x26FD, 0x26FD},
        {0x2705, 0x2705},   {0x270A, 0x270B},   {0x2728, 0x2728},    {0x274C, 0x274C},
        {0x274E, 0x274E},   {0x2753, 0x2755},   {0x2757, 0x2757},    {0x2795, 0x2797},
        {0x27B0, 0x27B0},   {0x27BF, 0x27BF},   {0x2B1B, 0x2B1C},    {0x2B50, 0x2B50},
        {0x2B55, 0x2B55},   {0xE000, 0xF8FF}, /* old carrier emoji */
        {0x1F000, 0x1F0FF}, {0x1F170, 0x1FAFF}, {0xF0000, 0x10FFFF},
};

static const struct range fractions[] = {
    {0xBC, 0xBE},
    {0x2044, 0x2044},
    {0x2150, 0x215F},
    {0x2189, 0x2189},
};

/* Digits that are enclosed in one sign: ① ⑴ ⒈ ❶ ➀. */
static const struct range enclosed[] = {
    {0x2460, 0x249B},
    {0x24EA, 0x24EA},
    {0x24F5, 0x24FD},
    {0x2776, 0x2792},
};

static const struct range han[] = {
    {0x2E80, 0x2FDF}, {0x3005, 0x3006}, {0x3031, 0x3035},   {0x303B, 0x303B}, {0x3041, 0x3096},
    {0x309D, 0x309F}, {0x30A1, 0x30FA}, {0x30FC, 0x30FF},   {0x31F0, 0x31FF}, {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x323AF},
};

static const struct range hangul[] = {
    {0x1100, 0x11FF},
    {0x3131, 0x318E},
    {0xA960, 0xA97F},
    {0xAC00, 0xD7FF},
};

/* What is read as another sign: mostly because NFKC would make a space and a mark of it. */
static const struct {
    uint32_t from, to;
} stand_ins[] = {
    {0xB4, '\''},  {0xBA, 0xB0},  {0x2DA, 0xB0}, {0x2116, '#'}, {0xFF07, '\''}, {0x2776, '1'},
    {0x2777, '2'}, {0x2778, '3'}, {0x2779, '4'}, {0x277A, '5'}, {0x277B, '6'},  {0x277C, '7'},
    {0x277D, '8'}, {0x277E, '9'}, {0x2780, '1'}, {0x2781, '2'}, {0x2782, '3'},  {0x2783, '4'},
    {0x2784, '5'}, {0x2785, '6'}, {0x2786, '7'}, {0x2787, '8'}, {0x2788, '9'},  {0x24F5, '1'},
    {0x24F6, '2'}, {0x24F7, '3'}, {0x24F8, '4'}, {0x24F9, '5'}, {0x24FA, '6'},  {0x24FB, '7'},
    {0x24FC, '8'}, {0x24FD, '9'},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool in_ranges(uint32_t cp, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count && cp >= ranges[i].first; i++) {
        if (cp <= ranges[i].last)
            return true;
    }
    return false;
}

static uint32_t stand_in(uint32_t cp)
{
    for (size_t i = 0; i < COUNT(stand_ins); i++) {
        if (stand_ins[i].from == cp)
            return stand_ins[i].to;
    }
    return cp;
}

static bool is_sign(uint32_t key)
{
    static const uint32_t signs[] = {'%',    0xB0,   0xD7,   0x25CB, 0x25EF,
                                     0x3007, 0x2715, 0x2717, 0x4E00 /* never */};

    for (size_t i = 0; i + 1 < COUNT(signs); i++) {
        if (signs[i] == key)
            return true;
    }
    return false;
}

static enum letter_class class_of(uint32_t key)
{
    if (key < 0x80) {
        if (key >= '0' && key <= '9')
            return LETTER_DIGIT;
        if (key >= 'a' && key <= 'z')
            return LETTER_ALPHABET;
        if (key == '\n')
            return LETTER_NEWLINE;
        if (key == ' ' || key == '\t' || key == '\r')
            return LETTER_SPACE;
        return key == '%' ? LETTER_SIGN : LETTER_PUNCTUATION;
    }
    if (is_sign(key))
        return LETTER_SIGN;
    if (in_ranges(key, han, COUNT(han)))
        return LETTER_HAN;
    if (in_ranges(key, hangul, COUNT(hangul)))
        return LETTER_HANGUL;
    switch (utf8proc_category((utf8proc_int32_t)key)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND: /* digits of other scripts are no numbers of ours */
    case UTF8PROC_CATEGORY_NL:
        return LETTER_ALPHABET;
    case UTF8PROC_CATEGORY_ZS:
        return LETTER_SPACE;
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return LETTER_NEWLINE;
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
        return LETTER_PUNCTUATION;
    }
    return LETTER_PUNCTUATION;
}

/* The compared form of one code point of NFKC: at most three, for ß and its like. */
static int fold(uint32_t cp, uint32_t keys[4])
{
    utf8proc_int32_t folded[8];
    utf8proc_ssize_t n;
    int count = 0;

    if (cp < 0x80) {
        keys[0] = cp >= 'A' && cp <= 'Z' ? cp + ('a' - 'A') : cp;
        return 1;
    }
    if (cp == 0x2018 || cp == 0x2019 || cp == 0x201B || cp == 0x2032 || cp == 0x2BC) {
        keys[0] = '\'';
        return 1;
    }
    if (cp >= 0x2000) {
        if (cp >= 0x30A1 && cp <= 0x30F6)
            cp -= KATAKANA_TO_HIRAGANA;
        keys[0] = cp;
        return 1;
    }
    n = utf8proc_decompose_char((utf8proc_int32_t)cp, folded, 8,
                                UTF8PROC_CASEFOLD | UTF8PROC_DECOMPOSE, NULL);
    for (utf8proc_ssize_t i = 0; i < n && i < 8 && count < 4; i++) {
        if (folded[i] < 0x300 || folded[i] > 0x36F)
            keys[count++] = (uint32_t)folded[i];
    }
    return count;
}

/* ------------------------------------------------------------------ the message, cluster by
 * cluster */

struct reader {
    struct text *text;
    const uint8_t *bytes;
    size_t len, at;
    uint8_t marks; /* for the next letter */
};

struct cluster {
    utf8proc_int32_t points[CLUSTER_MAX];
    int count;
    size_t begin, end;
    uint8_t marks;
};

static bool next_point(const struct reader *reader, size_t at, uint32_t *cp, size_t *end)
{
    utf8proc_int32_t point;
    utf8proc_ssize_t n =
        utf8proc_iterate(reader->bytes + at, (utf8proc_ssize_t)(reader->len - at), &point);

    if (n <= 0)
        return false;
    *cp = (uint32_t)point;
    *end = at + (size_t)n;
    return true;
}

static bool is_invisible(uint32_t cp)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)cp);

    return (category == UTF8PROC_CATEGORY_CC && cp != '\n' && cp != '\t' && cp != '\r' &&
            cp != 0x85) ||
           category == UTF8PROC_CATEGORY_CF || cp == 0x034F || cp == 0x115F || cp == 0x1160 ||
           cp == 0x3164 || cp == 0xFFA0 || cp == 0xFFFD || (cp >= 0x180B && cp <= 0x180F) ||
           (cp >= 0xFE00 && cp <= 0xFE0F) || (cp >= 0xE0100 && cp <= 0xE01EF);
}

static bool is_mark(uint32_t cp)
{
    utf8proc_category_t category;

    if (cp < 0x300)
        return false;
    if (cp == 0xFF9E || cp == 0xFF9F || (cp >= 0x1160 && cp <= 0x11FF))
        return true;
    category = utf8proc_category((utf8proc_int32_t)cp);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC;
}

/* One letter whose NFKC is itself: its bytes stand in the message already. */
static void put_plain(struct reader *reader, uint32_t key, enum letter_class class, size_t end)
{
    struct text *text = reader->text;
    size_t len = end - reader->at;
    struct letter *letter;

    if (text->written_len + len > TEXT_WRITTEN_MAX || text->count == TEXT_LETTERS_MAX) {
        text->cut = true;
        reader->at = end;
        return;
    }
    letter = &text->letters[text->count++];
    letter->key = key;
    letter->class = (uint8_t) class;
    letter->source_begin = (uint16_t)reader->at;
    letter->source_end = (uint16_t)end;
    letter->written_begin = (uint16_t)text->written_len;
    memcpy(text->written + text->written_len, reader->bytes + reader->at, len);
    text->written_len += len;
    letter->written_end = (uint16_t)text->written_len;
    letter->marks = reader->marks;
    reader->marks = 0;
    reader->at = end;
}

static void put_letter(struct reader *reader, uint32_t written, const struct cluster *cluster)
{
    struct text *text = reader->text;
    utf8proc_uint8_t utf8[4];
    uint32_t keys[4];
    int count = fold(written, keys);
    size_t len = (size_t)utf8proc_encode_char((utf8proc_int32_t)written, utf8);

    if (text->written_len + len > TEXT_WRITTEN_MAX || text->count + count > TEXT_LETTERS_MAX) {
        text->cut = true;
        return;
    }
    memcpy(text->written + text->written_len, utf8, len);
    for (int i = 0; i < count; i++) {
        struct letter *letter = &text->letters[text->count++];

        letter->key = keys[i];
        letter->class = class_of(keys[i]);
        letter->source_begin = (uint16_t)cluster->begin;
        letter->source_end = (uint16_t)cluster->end;
        letter->written_begin = (uint16_t)text->written_len;
        letter->written_end = (uint16_t)(text->written_len + len);
        letter->marks = cluster->marks | reader->marks;
        reader->marks = 0;
    }
    text->written_len += len;
}

static void put_cluster(struct reader *reader, const struct cluster *cluster)
{
    utf8proc_int32_t points[DECOMPOSED_MAX];
    utf8proc_ssize_t n = 0;
    uint32_t first = (uint32_t)cluster->points[0];

    if (cluster->count == 1 && first < 0x80) {
        put_letter(reader, first, cluster);
        return;
    }
    if (in_ranges(first, fractions, COUNT(fractions))) {
        int before = reader->text->count;

        put_letter(reader, first, cluster);
        if (reader->text->count > before)
            reader->text->letters[before].class = LETTER_FRACTION;
        return;
    }
    for (int i = 0; i < cluster->count; i++) {
        utf8proc_ssize_t more =
            utf8proc_decompose_char(cluster->points[i], points + n, DECOMPOSED_MAX - n,
                                    UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_STABLE, NULL);

        if (more < 0 || n + more > DECOMPOSED_MAX)
            break;
        n += more;
    }
    /* Canonical order: marks of a cluster by their class, stable (UAX #15). */
    for (utf8proc_ssize_t i = 1; i < n; i++) {
        for (utf8proc_ssize_t j = i; j > 0; j--) {
            utf8proc_propval_t left = utf8proc_get_property(points[j - 1])->combining_class;
            utf8proc_propval_t right = utf8proc_get_property(points[j])->combining_class;
            utf8proc_int32_t swap = points[j];

            if (right == 0 || left <= right)
                break;
            points[j] = points[j - 1];
            points[j - 1] = swap;
        }
    }
    n = utf8proc_normalize_utf32(points, n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    for (utf8proc_ssize_t i = 0; i < n; i++)
        put_letter(reader, (uint32_t)points[i], cluster);
}

/* True where the sign at `end` is to be shown as an emoji, or makes a keycap of the digit before
 * it. */
static bool followed_by(const struct reader *reader, size_t end, uint32_t wanted, size_t *past)
{
    uint32_t cp;

    return end < reader->len && next_point(reader, end, &cp, past) && cp == wanted;
}

/* The dropped: an emoji, or something invisible. */
static bool drop(struct reader *reader, uint32_t cp, size_t end)
{
    size_t past;
    bool symbol = cp >= 0x80 && class_of(cp) != LETTER_HAN && class_of(cp) != LETTER_HANGUL &&
                  class_of(cp) != LETTER_ALPHABET;

    if (in_ranges(cp, emoji, COUNT(emoji))) {
        reader->marks |= LETTER_SPLIT | LETTER_DROPPED;
        reader->at = end;
        return true;
    }
    if (symbol && followed_by(reader, end, 0xFE0F, &past)) {
        reader->marks |= LETTER_SPLIT | LETTER_DROPPED;
        reader->at = past;
        return true;
    }
    if (is_invisible(cp)) {
        reader->marks |= LETTER_DROPPED;
        reader->at = end;
        return true;
    }
    return false;
}

static void read_cluster(struct reader *reader, uint32_t cp, size_t end)
{
    struct cluster cluster = {.begin = reader->at, .marks = 0};
    size_t past;

    if (in_ranges(cp, enclosed, COUNT(enclosed)))
        cluster.marks |= LETTER_APART;
    if (cp >= '0' && cp <= '9') {
        size_t keycap = followed_by(reader, end, 0xFE0F, &past) ? past : end;

        if (followed_by(reader, keycap, 0x20E3, &past)) {
            cluster.marks |= LETTER_APART;
            end = past;
        }
    }
    cluster.points[cluster.count++] = (utf8proc_int32_t)stand_in(cp);
    for (uint32_t mark;
         cluster.count < CLUSTER_MAX && end < reader->len && reader->bytes[end] >= 0x80 &&
         next_point(reader, end, &mark, &past) && is_mark(mark) && !is_invisible(mark);
         end = past)
        cluster.points[cluster.count++] = (utf8proc_int32_t)mark;
    cluster.end = end;
    reader->at = end;
    put_cluster(reader, &cluster);
}

/* Where the input is too long: on the boundary of a character. */
static size_t boundary(const char *bytes, size_t len)
{
    while (len > 0 && ((uint8_t)bytes[len] & 0xC0) == 0x80)
        len--;
    return len;
}

/* Kana, unified characters and Hangul syllables, three bytes each: what most messages are made of.
 */
static bool is_common(uint32_t cp, enum letter_class *class)
{
    if ((cp >= 0x3041 && cp <= 0x3096) || (cp >= 0x30A1 && cp <= 0x30FA) || cp == 0x30FC ||
        (cp >= 0x4E00 && cp <= 0x9FFF)) {
        *class = LETTER_HAN;
        return true;
    }
    *class = LETTER_HANGUL;
    return cp >= 0xAC00 && cp <= 0xD7A3;
}

/* The short way: a letter that normalises to itself, before one that cannot change it. */
static bool read_plain(struct reader *reader, uint32_t cp, size_t end)
{
    enum letter_class class;
    enum letter_class next_class;
    uint32_t next;
    size_t past;

    if (cp < 0x80) {
        if (cp < 0x20 && cp != '\n' && cp != '\t' && cp != '\r')
            return false;
        if (cp == 0x7F ||
            (end < reader->len && reader->bytes[end] >= 0x80 &&
             !(next_point(reader, end, &next, &past) && is_common(next, &next_class))))
            return false;
        put_plain(reader, cp >= 'A' && cp <= 'Z' ? cp + ('a' - 'A') : cp,
                  class_of(cp | (cp >= 'A' && cp <= 'Z' ? 0x20u : 0)), end);
        return true;
    }
    if (!is_common(cp, &class) ||
        (end < reader->len && reader->bytes[end] >= 0x80 &&
         !(next_point(reader, end, &next, &past) && is_common(next, &next_class))))
        return false;
    put_plain(reader, cp >= 0x30A1 && cp <= 0x30F6 ? cp - KATAKANA_TO_HIRAGANA : cp, class, end);
    return true;
}

void text_read(struct text *text, const char *bytes, size_t len)
{
    struct reader reader = {.text = text, .bytes = (const uint8_t *)bytes, .len = len};

    text->count = 0;
    text->not_utf8 = false;
    text->cut = len > REPLY_INPUT_MAX;
    text->written_len = 0;
    if (text->cut)
        reader.len = boundary(bytes, REPLY_INPUT_MAX);
    while (reader.at < reader.len) {
        uint32_t cp = reader.bytes[reader.at];
        size_t end = reader.at + 1;

        if (cp >= 0x80 && !next_point(&reader, reader.at, &cp, &end)) {
            text->not_utf8 = true;
            reader.marks |= LETTER_SPLIT | LETTER_DROPPED;
            reader.at++;
            continue;
        }
        if (read_plain(&reader, cp, end))
            continue;
        if (cp == 0x85)
            cp = '\n';
        if ((cp < 0x20 || cp >= 0x7F) && drop(&reader, cp, end))
            continue;
        read_cluster(&reader, cp, end);
    }
}

int text_keys(const char *word, uint32_t *keys, int max)
{
    const uint8_t *at = (const uint8_t *)word;
    int count = 0;

    while (*at != '\0') {
        utf8proc_int32_t cp;
        utf8proc_ssize_t n = utf8proc_iterate(at, -1, &cp);
        uint32_t folded[4];
        int more;

        if (n <= 0)
            return 0;
        at += n;
        more = fold((uint32_t)cp, folded);
        for (int i = 0; i < more && count < max; i++)
            keys[count++] = folded[i];
    }
    return count;
}
