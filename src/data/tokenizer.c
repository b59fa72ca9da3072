/* Tangled from chapters/07-text.nw: edit that, not this. */
#include "data/tokenizer.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"

// Symbols
enum { BYTES = 256, SLOTS_AT_FIRST = 4096, MOST_TEXT = 1 << 26 };
static const char ending[] = "</w>", start_text[] = "<|startoftext|>",
                  end_text[] = "<|endoftext|>";

typedef struct Symbol {
  int left, right; /* what it was merged of; -1 for a byte */
  bool ends;       /* a word: its form has </w> behind */
  size_t length;
  char *text;      /* printable, UTF-8 */
} Symbol;

struct Tokenizer {
  Symbol *symbol;
  int count, room; /* symbols, start and end not among them */
  int *by_pair, *by_text; /* tables of slots: symbol + 1, or 0 if free */
  size_t slots;           /* a power of two, at least twice the symbols */
  int of_byte[BYTES];
  OtherTokenizer *other; /* instead of all this, or NULL */
};

/* The number of the character that shows byte symbol i, and the byte. */
static unsigned shown_as(int i) {
  if (i < 94) return '!' + (unsigned)i;
  if (i < 106) return 0xa1 + (unsigned)i - 94;
  if (i < 188) return 0xae + (unsigned)i - 106;
  return BYTES + (unsigned)i - 188;
}

static uint8_t byte_shown_by(unsigned c) {
  if (c < BYTES) return (uint8_t)c;
  c -= BYTES;
  return (uint8_t)(c < 33 ? c : c < 67 ? c - 33 + 127 : 173);
}

// Tables to find symbols
static size_t hash_pair(int left, int right) {
  uint64_t h = ((uint64_t)left << 32 | (uint32_t)right) * 0x9e3779b97f4a7c15;
  return (size_t)(h >> 32);
}

static size_t hash_text(const char *text, size_t length) { /* FNV-1a */
  uint64_t h = 0xcbf29ce484222325;
  for (size_t i = 0; i < length; i++) h = (h ^ (uint8_t)text[i]) * 0x100000001b3;
  return (size_t)(h ^ h >> 32);
}

static int find_pair(const Tokenizer *t, int left, int right) {
  for (size_t i = hash_pair(left, right);; i++) {
    int id = t->by_pair[i & (t->slots - 1)] - 1;
    if (id < 0 || (t->symbol[id].left == left && t->symbol[id].right == right))
      return id;
  }
}

static int find_text(const Tokenizer *t, const char *text, size_t length) {
  for (size_t i = hash_text(text, length);; i++) {
    int id = t->by_text[i & (t->slots - 1)] - 1;
    if (id < 0 || (t->symbol[id].length == length &&
                   memcmp(t->symbol[id].text, text, length) == 0))
      return id;
  }
}

static void put(Tokenizer *t, int *table, size_t hash, int id) {
  while (table[hash & (t->slots - 1)]) hash++;
  table[hash & (t->slots - 1)] = id + 1;
}

static void put_symbol(Tokenizer *t, int id) {
  const Symbol *s = &t->symbol[id];
  put(t, t->by_text, hash_text(s->text, s->length), id);
  if (s->left >= 0) put(t, t->by_pair, hash_pair(s->left, s->right), id);
}

static void make_tables(Tokenizer *t, size_t slots) {
  free(t->by_pair), free(t->by_text);
  t->slots = slots;
  t->by_pair = allocate(slots, sizeof(int));
  t->by_text = allocate(slots, sizeof(int));
  for (int id = 0; id < t->count; id++) put_symbol(t, id);
}

static void add_symbol(Tokenizer *t, Symbol symbol) {
  if (t->count == t->room) {
    t->room *= 2;
    t->symbol = reallocate(t->symbol, (size_t)t->room * sizeof *t->symbol);
  }
  t->symbol[t->count++] = symbol;
  if ((size_t)t->count * 2 > t->slots) make_tables(t, t->slots * 2);
  else put_symbol(t, t->count - 1);
}

static Tokenizer *tokenizer_new(void) {
  Tokenizer *t = allocate(1, sizeof *t);
  t->room = 2 * TOKENIZER_SYMBOLS;
  t->symbol = allocate((size_t)t->room, sizeof *t->symbol);
  make_tables(t, SLOTS_AT_FIRST);
  for (int i = 0; i < TOKENIZER_SYMBOLS; i++) {
    bool ends = i >= BYTES;
    char *text = allocate(8, 1);
    int length = u8_uctomb((uint8_t *)text, shown_as(i % BYTES), 8);
    if (ends) strcpy(text + length, ending);
    add_symbol(t, (Symbol){-1, -1, ends, strlen(text), text});
    t->of_byte[byte_shown_by(shown_as(i % BYTES))] = i % BYTES;
  }
  return t;
}

/* The symbol of left and right: false if its text is there already, or if left
   ends a word. */
static bool merge_symbols(Tokenizer *t, int left, int right) {
  const Symbol *l = &t->symbol[left], *r = &t->symbol[right];
  if (l->ends) return false;
  size_t length = l->length + r->length;
  char *text = allocate(length + 1, 1);
  memcpy(text, l->text, l->length);
  memcpy(text + l->length, r->text, r->length);
  bool isnew = find_text(t, text, length) < 0;
  if (isnew) add_symbol(t, (Symbol){left, right, r->ends, length, text});
  else free(text);
  return isnew;
}

void tokenizer_free(Tokenizer *t) {
  if (!t) return;
  for (int id = 0; id < t->count; id++) free(t->symbol[id].text);
  free(t->symbol), free(t->by_pair), free(t->by_text);
  if (t->other) t->other->free(t->other);
  free(t);
}

int tokenizer_size(const Tokenizer *t) {
  return t->other ? t->other->size : t->count + 2;
}

int tokenizer_end(const Tokenizer *t) {
  return t->other ? t->other->end : t->count + 1;
}

const char *tokenizer_symbol(const Tokenizer *t, int id) {
  assert(!t->other && id >= 0 && id < tokenizer_size(t));
  return id < t->count ? t->symbol[id].text : id == t->count ? start_text : end_text;
}

// Clean and cut text
typedef enum { SPACE, LETTER, NUMBER, OTHER } Class;

/* The next character, and how many bytes it has. A byte that is not part of
   any is taken alone, with *c = 0xfffd. */
static size_t next_character(const char *text, size_t length, ucs4_t *c) {
  int bytes = u8_mbtoucr(c, (const uint8_t *)text, length);
  if (bytes >= 1) return (size_t)bytes;
  *c = 0xfffd;
  return 1;
}

static Class class_of(ucs4_t c) {
  if (uc_is_property_white_space(c)) return SPACE;
  if (uc_is_general_category(c, UC_CATEGORY_L)) return LETTER;
  return uc_is_general_category(c, UC_CATEGORY_N) ? NUMBER : OTHER;
}

// Repair a caption
/* The character of the HTML entity that the text begins with, *used bytes long; 0 if it
   begins with none that is known. */
static ucs4_t entity(const char *text, size_t length, size_t *used) {
  static const struct {
    char name[7];
    ucs4_t c;
  } named[] = {{"amp", '&'},      {"lt", '<'},       {"gt", '>'},       {"quot", '"'},
               {"apos", '\''},    {"nbsp", 0xa0},    {"copy", 0xa9},    {"reg", 0xae},
               {"deg", 0xb0},     {"eacute", 0xe9},  {"ndash", 0x2013}, {"mdash", 0x2014},
               {"lsquo", 0x2018}, {"rsquo", 0x2019}, {"ldquo", 0x201c}, {"rdquo", 0x201d},
               {"hellip", 0x2026}};
  const char *end = *text == '&' ? memchr(text, ';', length < 10 ? length : 10) : NULL;
  char name[10] = "", *rest = name;
  unsigned long c = 0;
  if (!end) return 0;
  memcpy(name, text + 1, (size_t)(end - text) - 1);
  *used = (size_t)(end - text) + 1;
  if (*name == '#' && isdigit((unsigned char)name[1])) c = strtoul(name + 1, &rest, 10);
  else if (strncmp(name, "#x", 2) == 0) c = strtoul(name + 2, &rest, 16);
  for (size_t i = 0; *name != '#' && i < sizeof named / sizeof *named; i++)
    if (strcmp(named[i].name, name) == 0) c = named[i].c, rest = "";
  return *rest || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : (ucs4_t)c;
}

static size_t undo_entities(char *text, size_t length) {
  size_t n = 0, used = 1;
  for (size_t at = 0; at < length; at += used) {
    const ucs4_t c = entity(text + at, length - at, &used);
    if (c) n += (size_t)u8_uctomb((uint8_t *)text + n, c, 6); /* never longer */
    else text[n++] = text[at], used = 1;
  }
  return n;
}

/* One character as ftfy writes it; returns how many bytes. */
static size_t plain_form(uint8_t *to, ucs4_t c) {
  size_t n = 6;
  if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b)) c = '\'';
  if (c >= 0x201c && c <= 0x201f) c = '"';
  const bool joined = (c >= 0xfb00 && c <= 0xfb06) || c == 0x132 || c == 0x133;
  if (!joined && (c < 0xff01 || c > 0xffef)) return (size_t)u8_uctomb(to, c, 6);
  uint8_t one[6];
  const int length = u8_uctomb(one, c, 6);
  u8_normalize(UNINORM_NFKC, one, (size_t)length, to, &n);
  return n;
}
static bool is_ordinary(const char *text, size_t length) {
  for (size_t at = 0; at < length; at++)
    if ((uint8_t)text[at] >= 128 || text[at] == '&') return false;
  return true;
}

/* The text repaired, which the caller frees, *length becomes the new one; NULL if there
   is nothing to repair. */
static char *repair(const char *text, size_t *length) {
  if (is_ordinary(text, *length)) return NULL;
  char *to = memcpy(allocate(2 * *length + 8, 1), text, *length);
  size_t n = 0, bytes;
  *length = undo_entities(to, undo_entities(to, *length));
  char *from = memcpy(allocate(*length + 1, 1), to, *length);
  for (size_t at = 0; at < *length; at += bytes) {
    ucs4_t c;
    bytes = next_character(from + at, *length - at, &c);
    if (c == 0xfffd) memcpy(to + n, from + at, bytes), n += bytes;
    else n += plain_form((uint8_t *)to + n, c);
  }
  free(from);
  *length = n;
  if (u8_check((uint8_t *)to, n)) return to; /* not UTF-8: accents stay as they are */
  char *composed = (char *)u8_normalize(UNINORM_NFC, (uint8_t *)to, n, NULL, length);
  if (!composed) memory_exhausted(n, 1);
  free(to);
  return composed;
}

/* The text repaired, in lower case with single spaces; the caller frees. */
static char *clean(const char *text, size_t length, size_t *count) {
  char *repaired = repair(text, &length), *to = allocate(2 * length + 8, 1);
  size_t n = 0, bytes;
  bool gap = false;
  if (repaired) text = repaired;
  for (size_t at = 0; at < length; at += bytes) {
    ucs4_t c;
    bytes = next_character(text + at, length - at, &c);
    if (class_of(c) == SPACE) {
      gap = n > 0;
      continue;
    }
    if (gap) to[n++] = ' ';
    gap = false;
    if (c == 0xfffd) {
      memcpy(to + n, text + at, bytes);
      n += bytes;
    } else n += (size_t)u8_uctomb((uint8_t *)to + n, uc_tolower(c), 6);
  }
  free(repaired);
  *count = n;
  return to;
}

/* Where the piece of clean text ends that begins at `at`, which is no space. */
static size_t piece_end(const char *text, size_t length, size_t at) {
  static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  for (size_t i = 0; text[at] == '\'' && i < sizeof endings / sizeof *endings; i++) {
    size_t n = strlen(endings[i]);
    if (length - at >= n && memcmp(text + at, endings[i], n) == 0) return at + n;
  }
  ucs4_t c;
  size_t end = at + next_character(text + at, length - at, &c);
  Class class = class_of(c);
  while (class != NUMBER && end < length) {
    size_t bytes = next_character(text + end, length - end, &c);
    if (class_of(c) != class) break;
    end += bytes;
  }
  return end;
}

// Merge the symbols of a piece
/* Symbols of a piece as a list with holes, and the queue. */
typedef struct Work {
  int *symbol, *previous, *next; /* symbol -1: merged into the one before */
  uint64_t *heap;                /* id << 32 | place; three times as long */
  size_t waiting;
  int n;
} Work;

static Work work_new(size_t n) {
  return (Work){.symbol = allocate(n, sizeof(int)),
                .previous = allocate(n, sizeof(int)),
                .next = allocate(n, sizeof(int)),
                .heap = allocate(3 * n, sizeof(uint64_t))};
}

static void work_free(Work *w) {
  free(w->symbol), free(w->previous), free(w->next), free(w->heap);
}

static void heap_push(Work *w, uint64_t key) {
  size_t i = w->waiting++;
  for (; i && w->heap[(i - 1) / 2] > key; i = (i - 1) / 2)
    w->heap[i] = w->heap[(i - 1) / 2];
  w->heap[i] = key;
}

static uint64_t heap_pop(Work *w) {
  uint64_t first = w->heap[0], key = w->heap[--w->waiting];
  size_t i = 0;
  for (size_t child; (child = 2 * i + 1) < w->waiting; i = child) {
    if (child + 1 < w->waiting && w->heap[child + 1] < w->heap[child]) child++;
    if (w->heap[child] >= key) break;
    w->heap[i] = w->heap[child];
  }
  w->heap[i] = key;
  return first;
}

/* If the symbol at a place and the one after it can be merged, queue them. */
static void offer(const Tokenizer *t, Work *w, int at) {
  if (at < 0 || w->next[at] == w->n) return;
  int id = find_pair(t, w->symbol[at], w->symbol[w->next[at]]);
  if (id >= 0) heap_push(w, (uint64_t)id << 32 | (uint32_t)at);
}

static void merge_at(const Tokenizer *t, Work *w, int id, int at) {
  int right = w->next[at];
  if (right == w->n || w->symbol[at] != t->symbol[id].left ||
      w->symbol[right] != t->symbol[id].right)
    return; /* out of date */
  w->symbol[at] = id;
  w->symbol[right] = -1;
  w->next[at] = w->next[right];
  if (w->next[at] < w->n) w->previous[w->next[at]] = at;
  offer(t, w, w->previous[at]);
  offer(t, w, at);
}

/* Merge the n symbols of w; what remains moves to the front. Returns how many. */
static int merge_piece(const Tokenizer *t, Work *w, int n) {
  int kept = 0;
  w->n = n;
  w->waiting = 0;
  for (int i = 0; i < n; i++) w->previous[i] = i - 1, w->next[i] = i + 1;
  for (int i = 0; i < n; i++) offer(t, w, i);
  while (w->waiting) {
    uint64_t key = heap_pop(w);
    merge_at(t, w, (int)(key >> 32), (int)(uint32_t)key);
  }
  for (int i = 0; i < n; i = w->next[i]) w->symbol[kept++] = w->symbol[i];
  return kept;
}

// Encode and decode
/* Bytes to symbols, the last one with </w>. */
static void spell(const Tokenizer *t, int *symbol, const char *bytes, size_t n) {
  for (size_t i = 0; i < n; i++) symbol[i] = t->of_byte[(uint8_t)bytes[i]];
  symbol[n - 1] += BYTES;
}

int tokenizer_split(const Tokenizer *t, const char *text, size_t length, int **ids) {
  size_t n, end;
  assert(length < INT_MAX / 2);
  if (t->other) return t->other->split(t->other, text, length, ids);
  char *bytes = clean(text, length, &n);
  Work work = work_new(n + 1);
  int count = 0;
  *ids = allocate(n + 1, sizeof **ids);
  for (size_t at = 0; at < n; at = end + (end < n && bytes[end] == ' ')) {
    end = piece_end(bytes, n, at);
    spell(t, work.symbol, bytes + at, end - at);
    int kept = merge_piece(t, &work, (int)(end - at));
    memcpy(*ids + count, work.symbol, (size_t)kept * sizeof **ids);
    count += kept;
  }
  work_free(&work), free(bytes);
  return count;
}

int tokenizer_encode(const Tokenizer *t, const char *text, size_t length, int *ids,
                     int context) {
  int *tokens;
  assert(context >= 2);
  int count = tokenizer_split(t, text, length, &tokens);
  if (count > context - 2) count = context - 2;
  memset(ids, 0, (size_t)context * sizeof *ids);
  memcpy(ids + 1, tokens, (size_t)count * sizeof *ids);
  ids[0] = t->count;
  ids[count + 1] = tokenizer_end(t);
  free(tokens);
  return count + 2;
}

/* The bytes of a symbol, without </w>; returns how many. */
static size_t symbol_bytes(const Symbol *s, char *to) {
  size_t length = s->length - (s->ends ? strlen(ending) : 0), n = 0;
  for (size_t at = 0; at < length;) {
    ucs4_t c;
    at += next_character(s->text + at, length - at, &c);
    to[n++] = (char)byte_shown_by(c);
  }
  return n;
}

char *tokenizer_decode(const Tokenizer *t, const int *ids, int count, size_t *length) {
  size_t room = 1, n = 0;
  bool gap = false;
  for (int i = 0; i < count; i++) room += strlen(tokenizer_symbol(t, ids[i]));
  char *text = allocate(room, 1);
  for (int i = 0; i < count && ids[i] != t->count + 1; i++) {
    if (ids[i] == t->count) continue;
    if (gap) text[n++] = ' ';
    n += symbol_bytes(&t->symbol[ids[i]], text + n);
    gap = t->symbol[ids[i]].ends;
  }
  text[n] = 0;
  if (length) *length = n;
  return text;
}

// Learn merges
typedef struct Word {
  int *symbol;
  int length;
  long long times;
} Word;

typedef struct Pair {
  int left, right;
  long long times;
} Pair;

/* The distinct words of a pile of text, and how often pairs occur in them. */
typedef struct Corpus {
  int *symbols; /* all words, one after another */
  Word *word;
  size_t words;
  Pair *pair; /* table of slots, free where left is -1 */
  size_t pairs, slots;
} Corpus;

typedef struct Piece {
  const char *bytes;
  size_t length;
} Piece;

static int compare_pieces(const void *a, const void *b) {
  const Piece *p = a, *q = b;
  int order = memcmp(p->bytes, q->bytes, p->length < q->length ? p->length : q->length);
  return order ? order : (p->length > q->length) - (p->length < q->length);
}

static size_t cut_pieces(Piece *piece, const char *bytes, size_t n) {
  size_t count = 0, end;
  for (size_t at = 0; at < n; at = end + (end < n && bytes[end] == ' ')) {
    end = piece_end(bytes, n, at);
    piece[count++] = (Piece){bytes + at, end - at};
  }
  qsort(piece, count, sizeof *piece, compare_pieces);
  return count;
}

static Corpus corpus_new(const Tokenizer *t, const char *text, size_t length) {
  size_t n, used = 0;
  char *bytes = clean(text, length, &n);
  Piece *piece = allocate(n + 1, sizeof *piece);
  size_t pieces = cut_pieces(piece, bytes, n);
  Corpus c = {.symbols = allocate(n + 1, sizeof(int)),
              .word = allocate(pieces + 1, sizeof *c.word)};
  for (size_t i = 0; i < pieces; i++) {
    if (i && compare_pieces(&piece[i - 1], &piece[i]) == 0) {
      c.word[c.words - 1].times++;
      continue;
    }
    c.word[c.words++] = (Word){c.symbols + used, (int)piece[i].length, 1};
    spell(t, c.symbols + used, piece[i].bytes, piece[i].length);
    used += piece[i].length;
  }
  free(piece), free(bytes);
  return c;
}

static Pair *find_count(const Corpus *c, int left, int right) {
  size_t i = hash_pair(left, right);
  for (;; i++) {
    Pair *p = &c->pair[i & (c->slots - 1)];
    if (p->left < 0 || (p->left == left && p->right == right)) return p;
  }
}

/* A table of this many slots, with the pairs that still occur. */
static void make_counts(Corpus *c, size_t slots) {
  Pair *old = c->pair;
  size_t count = c->slots;
  c->pair = allocate(slots, sizeof *c->pair);
  c->slots = slots;
  c->pairs = 0;
  for (size_t i = 0; i < slots; i++) c->pair[i].left = -1;
  for (size_t i = 0; i < count; i++)
    if (old[i].left >= 0 && old[i].times > 0) {
      *find_count(c, old[i].left, old[i].right) = old[i];
      c->pairs++;
    }
  free(old);
}

static void count_word(Corpus *c, const Word *word, long long times) {
  for (int i = 0; i + 1 < word->length; i++) {
    Pair *p = find_count(c, word->symbol[i], word->symbol[i + 1]);
    if (p->left < 0) {
      *p = (Pair){word->symbol[i], word->symbol[i + 1], 0};
      c->pairs++;
    }
    p->times += times;
    if (2 * c->pairs > c->slots) make_counts(c, 2 * c->slots);
  }
}

static bool has_pair(const Word *word, int left, int right) {
  for (int i = 0; i + 1 < word->length; i++)
    if (word->symbol[i] == left && word->symbol[i + 1] == right) return true;
  return false;
}

static void merge_words(Corpus *c, int left, int right, int merged) {
  for (size_t w = 0; w < c->words; w++) {
    Word *word = &c->word[w];
    if (!has_pair(word, left, right)) continue;
    count_word(c, word, -word->times);
    int n = 0;
    for (int i = 0; i < word->length; i++) {
      bool here = i + 1 < word->length && word->symbol[i] == left &&
                  word->symbol[i + 1] == right;
      word->symbol[n++] = here ? merged : word->symbol[i];
      i += here;
    }
    word->length = n;
    count_word(c, word, word->times);
  }
}

static Pair *most_frequent(const Corpus *c) {
  Pair *best = NULL;
  for (size_t i = 0; i < c->slots; i++) {
    Pair *p = &c->pair[i];
    if (p->left < 0 || p->times < 2) continue;
    if (!best || p->times > best->times ||
        (p->times == best->times &&
         (p->left < best->left || (p->left == best->left && p->right < best->right))))
      best = p;
  }
  return best;
}

static char *join_texts(const char *const *texts, int count, size_t *length) {
  size_t n = 0;
  for (int i = 0; i < count; i++) n += strlen(texts[i]) + 1;
  char *all = allocate(n + 1, 1);
  *length = n;
  for (n = 0; count--; texts++) {
    size_t part = strlen(*texts);
    memcpy(all + n, *texts, part);
    all[n + part] = '\n';
    n += part + 1;
  }
  return all;
}

Tokenizer *tokenizer_train(const char *const *texts, int count, int vocabulary) {
  assert(vocabulary >= TOKENIZER_SYMBOLS + 2);
  Tokenizer *t = tokenizer_new();
  size_t length;
  char *all = join_texts(texts, count, &length);
  Corpus c = corpus_new(t, all, length);
  make_counts(&c, SLOTS_AT_FIRST);
  for (size_t w = 0; w < c.words; w++) count_word(&c, &c.word[w], c.word[w].times);
  for (Pair *p; tokenizer_size(t) < vocabulary && (p = most_frequent(&c));) {
    Pair found = *p;
    if (merge_symbols(t, found.left, found.right))
      merge_words(&c, found.left, found.right, t->count - 1);
    else p->times = LLONG_MIN / 2;
  }
  free(c.symbols), free(c.word), free(c.pair), free(all);
  return t;
}

// Read and write merges
/* One "LEFT RIGHT" of `length` bytes. */
static bool read_merge(Tokenizer *t, const char *path, int number, const char *line,
                       size_t length) {
  const char *space = memchr(line, ' ', length);
  int shown = length < 80 ? (int)length : 80;
  size_t first = space ? (size_t)(space - line) : 0, second = length - first - 1;
  if (!space || memchr(space + 1, ' ', second))
    return fail("%s: expected two symbols in line %d, found '%.*s'", path, number,
                shown, line);
  int left = find_text(t, line, first), right = find_text(t, space + 1, second);
  if (left < 0 || right < 0)
    return fail("%s: expected symbols made before line %d, found '%.*s'", path, number,
                shown, line);
  return merge_symbols(t, left, right) ||
         fail("%s: expected a symbol not made before line %d, found '%.*s'", path,
              number, shown, line);
}

static const char clip_file[] = "\"bpe_simple_vocab_16e6.txt#version";

static bool read_merges(Tokenizer *t, const char *path, const char *text,
                        size_t length, int merges) {
  const char *end = memchr(text, '\n', length), *stop = text + length;
  const char *version = strstr(text, "#version"), *promise;
  int number = 1, promised = -1;
  if (!end || !version || version > end)
    return fail("%s: expected \"#version\" in line 1, found '%.40s'", path, text);
  if (!merges && strncmp(text, clip_file, strlen(clip_file)) == 0)
    merges = TOKENIZER_CLIP_MERGES;
  if ((promise = strchr(version, ',')) && promise < end)
    sscanf(promise, ", %9d merges", &promised);
  int most = merges ? merges : INT_MAX - 1;
  int least = merges ? merges : promised >= 0 ? promised : 1;
  for (const char *line = end + 1; line < stop && number <= most; line = end + 1) {
    end = memchr(line, '\n', (size_t)(stop - line));
    if (!end) return fail("%s: expected an end of line %d, found none", path, number + 1);
    if (!read_merge(t, path, ++number, line, (size_t)(end - line))) return false;
  }
  if (number - 1 >= least && (merges || promised < 0 || number - 1 == promised))
    return true;
  return fail("%s: expected %d merges, found %d", path, least, number - 1);
}

Tokenizer *tokenizer_load(const char *path, int merges) {
  size_t length;
  assert(merges >= 0);
  char *text = file_unpack(path, MOST_TEXT, &length);
  if (!text) return NULL;
  Tokenizer *t = tokenizer_new();
  if (!read_merges(t, path, text, length, merges)) {
    tokenizer_free(t);
    t = NULL;
  }
  free(text);
  return t;
}

Tokenizer *tokenizer_of_other(OtherTokenizer *other) {
  Tokenizer *t = allocate(1, sizeof *t);
  t->other = other;
  return t;
}

bool tokenizer_save(const Tokenizer *t, const char *path) {
  assert(!t->other);
  FILE *file = file_begin(path);
  if (!file) return false;
  fprintf(file, "#version: 0.2, %d merges\n", t->count - TOKENIZER_SYMBOLS);
  for (int id = TOKENIZER_SYMBOLS; id < t->count; id++)
    fprintf(file, "%s %s\n", t->symbol[t->symbol[id].left].text,
            t->symbol[t->symbol[id].right].text);
  return file_commit(file, path);
}
