/* The stack machine. Opcodes as in Python's pickletools, protocols 2 to 5. */
#include <math.h>
#include <string.h>

#include "file-error.h"
#include "pickle-private.h"

typedef struct
{
  CsPickle *pickle;
  const unsigned char *at, *end;
} Machine;

bool
cs_pickle_fail (const CsPickle *pickle, GError **error, const char *what)
{
  cs_file_error (
      error, CS_ERROR_FORMAT,
      "“%s” is not a file of tensors that can be read: %s; save it again or get it anew.",
      pickle->name, what);
  return false;
}

static void
value_free (void *data)
{
  CsPickleValue *value = data;
  if (value->items)
    g_ptr_array_unref (value->items);
  g_free (value->tensor);
  g_free (value);
}

CsPickleValue *
cs_pickle_new (CsPickle *pickle, CsPickleKind kind)
{
  CsPickleValue *value = g_new0 (CsPickleValue, 1);
  value->kind = kind;
  if (kind == CS_PICKLE_TUPLE || kind == CS_PICKLE_LIST || kind == CS_PICKLE_DICT)
    value->items = g_ptr_array_new ();
  g_ptr_array_add (pickle->values, value);
  return value;
}

void
cs_pickle_free (CsPickle *pickle)
{
  if (!pickle)
    return;
  g_ptr_array_unref (pickle->stack);
  g_array_unref (pickle->marks);
  g_hash_table_unref (pickle->memo);
  g_ptr_array_unref (pickle->values);
  g_free (pickle->name);
  g_free (pickle);
}

const CsPickleValue *
cs_pickle_root (const CsPickle *pickle)
{
  return pickle->root;
}

/* --- Bytes --- */

static bool
take (Machine *m, uint64_t n, const unsigned char **out)
{
  if (n > (uint64_t)(m->end - m->at))
    return false;
  *out = m->at;
  m->at += n;
  return true;
}

/* A little-endian number of n ≤ 8 bytes. */
static bool
take_number (Machine *m, size_t n, uint64_t *out)
{
  const unsigned char *p;
  if (!take (m, n, &p))
    return false;
  *out = 0;
  for (size_t i = 0; i < n; i++)
    *out |= (uint64_t)p[i] << (8 * i);
  return true;
}

static bool
take_line (Machine *m, const char **text, size_t *size)
{
  const unsigned char *newline = memchr (m->at, '\n', (size_t)(m->end - m->at));
  if (!newline)
    return false;
  *text = (const char *)m->at;
  *size = (size_t)(newline - m->at);
  m->at = newline + 1;
  return true;
}

/* --- Stack --- */

static void
push (Machine *m, CsPickleValue *value)
{
  g_ptr_array_add (m->pickle->stack, value);
}

/* How many values lie above the last mark. */
static size_t
above_mark (const Machine *m)
{
  const GArray *marks = m->pickle->marks;
  const size_t floor = marks->len ? g_array_index (marks, gsize, marks->len - 1) : 0;
  return m->pickle->stack->len - floor;
}

static CsPickleValue *
top (const Machine *m)
{
  const GPtrArray *stack = m->pickle->stack;
  return above_mark (m) > 0 ? g_ptr_array_index (stack, stack->len - 1) : NULL;
}

static CsPickleValue *
pop (Machine *m)
{
  CsPickleValue *value = top (m);
  if (value)
    g_ptr_array_set_size (m->pickle->stack, (int)m->pickle->stack->len - 1);
  return value;
}

/* Moves the n topmost values to the end of into (NULL = drops them). */
static void
move_items (Machine *m, size_t n, GPtrArray *into)
{
  GPtrArray *stack = m->pickle->stack;
  const size_t first = stack->len - n;
  for (size_t i = first; into && i < stack->len; i++)
    g_ptr_array_add (into, g_ptr_array_index (stack, i));
  g_ptr_array_set_size (stack, (int)first);
}

/* Takes away the last mark; the number of values that lie above it. */
static bool
pop_mark (Machine *m, size_t *n)
{
  if (m->pickle->marks->len == 0)
    return false;
  *n = above_mark (m);
  g_array_set_size (m->pickle->marks, m->pickle->marks->len - 1);
  return true;
}

/* --- Opcodes: false with or without an error --- */

static bool
push_number (Machine *m, CsPickleKind kind, int64_t integer)
{
  CsPickleValue *value = cs_pickle_new (m->pickle, kind);
  value->integer = integer;
  push (m, value);
  return true;
}

static bool
push_int (Machine *m, size_t n_bytes)
{
  uint64_t number;
  if (!take_number (m, n_bytes, &number))
    return false;
  return push_number (m, CS_PICKLE_INT,
                      n_bytes == 4 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number);
}

/* LONG1: two's complement of any length; more than eight bytes are no size or offset. */
static bool
push_long (Machine *m)
{
  uint64_t n, number;
  if (!take_number (m, 1, &n) || n > 8 || !take_number (m, n, &number))
    return false;
  if (n > 0 && n < 8 && number >> (8 * n - 1))
    number |= ~(uint64_t)0 << (8 * n);
  return push_number (m, CS_PICKLE_INT, (int64_t)number);
}

static bool
push_float (Machine *m)
{
  const unsigned char *p;
  uint64_t bits = 0;
  if (!take (m, 8, &p))
    return false;
  for (unsigned i = 0; i < 8; i++)
    bits = bits << 8 | p[i];
  CsPickleValue *value = cs_pickle_new (m->pickle, CS_PICKLE_FLOAT);
  memcpy (&value->real, &bits, sizeof bits);
  push (m, value);
  return true;
}

static bool
push_text (Machine *m, size_t n_length, CsPickleKind kind)
{
  uint64_t size;
  const unsigned char *text;
  if (!take_number (m, n_length, &size) || !take (m, size, &text))
    return false;
  if (kind == CS_PICKLE_STRING && !g_utf8_validate ((const char *)text, (gssize)size, NULL))
    return false;
  CsPickleValue *value = cs_pickle_new (m->pickle, kind);
  value->text = (const char *)text;
  value->size = (size_t)size;
  push (m, value);
  return true;
}

static bool
push_collection (Machine *m, CsPickleKind kind, size_t n)
{
  if (above_mark (m) < n || (kind == CS_PICKLE_DICT && n % 2))
    return false;
  CsPickleValue *value = cs_pickle_new (m->pickle, kind);
  move_items (m, n, value->items);
  push (m, value);
  return true;
}

static bool
push_collection_to_mark (Machine *m, CsPickleKind kind)
{
  size_t n;
  return pop_mark (m, &n) && push_collection (m, kind, n);
}

/* Appends the n topmost values to the collection that lies below them. */
static bool
extend (Machine *m, CsPickleKind kind, size_t n)
{
  const GPtrArray *stack = m->pickle->stack;
  if (above_mark (m) < n + 1 || (kind == CS_PICKLE_DICT && n % 2))
    return false;
  CsPickleValue *into = g_ptr_array_index (stack, stack->len - n - 1);
  if (into->kind != kind)
    return false;
  move_items (m, n, into->items);
  return true;
}

static bool
extend_to_mark (Machine *m, CsPickleKind kind)
{
  size_t n;
  return pop_mark (m, &n) && extend (m, kind, n);
}

static bool
memo_put (Machine *m, size_t n_bytes)
{
  uint64_t number;
  CsPickleValue *value = top (m);
  if (!value || !take_number (m, n_bytes, &number))
    return false;
  g_hash_table_insert (m->pickle->memo, GSIZE_TO_POINTER (number), value);
  return true;
}

static bool
memo_get (Machine *m, size_t n_bytes)
{
  uint64_t number;
  if (!take_number (m, n_bytes, &number))
    return false;
  CsPickleValue *value = g_hash_table_lookup (m->pickle->memo, GSIZE_TO_POINTER (number));
  if (value)
    push (m, value);
  return value != NULL;
}

static bool
memoize (Machine *m)
{
  GHashTable *memo = m->pickle->memo;
  return top (m) &&
         g_hash_table_insert (memo, GSIZE_TO_POINTER (g_hash_table_size (memo)), top (m));
}

static bool
push_made (Machine *m, CsPickleValue *value)
{
  if (value)
    push (m, value);
  return value != NULL;
}

static bool
global (Machine *m, GError **error)
{
  const char *module, *name;
  size_t n_module, n_name;
  return take_line (m, &module, &n_module) && take_line (m, &name, &n_name) &&
         push_made (m, cs_pickle_global (m->pickle, module, n_module, name, n_name, error));
}

static bool
stack_global (Machine *m, GError **error)
{
  const CsPickleValue *name = pop (m), *module = pop (m);
  return name && module && name->kind == CS_PICKLE_STRING && module->kind == CS_PICKLE_STRING &&
         push_made (m, cs_pickle_global (m->pickle, module->text, module->size, name->text,
                                         name->size, error));
}

static bool
reduce (Machine *m, GError **error)
{
  const CsPickleValue *arguments = pop (m), *callable = pop (m);
  return arguments && callable &&
         push_made (m, cs_pickle_reduce (m->pickle, callable, arguments, error));
}

static bool
persistent (Machine *m, GError **error)
{
  const CsPickleValue *id = pop (m);
  return id && push_made (m, cs_pickle_persistent (m->pickle, id, error));
}

/* The attributes of a state dict (its _metadata) are let go. */
static bool
build (Machine *m)
{
  return pop (m) && top (m) && top (m)->kind == CS_PICKLE_DICT;
}

static bool
push_mark (Machine *m)
{
  const gsize height = m->pickle->stack->len;
  g_array_append_val (m->pickle->marks, height);
  return true;
}

/* Opcodes that only push a plain value. */
static int
run_plain (Machine *m, unsigned char op)
{
  switch (op)
    {
    case 'N':
      return push_number (m, CS_PICKLE_NONE, 0);
    case 0x88:
      return push_number (m, CS_PICKLE_BOOL, 1);
    case 0x89:
      return push_number (m, CS_PICKLE_BOOL, 0);
    case 'J':
      return push_int (m, 4);
    case 'K':
      return push_int (m, 1);
    case 'M':
      return push_int (m, 2);
    case 0x8a:
      return push_long (m);
    case 'G':
      return push_float (m);
    case 'X':
      return push_text (m, 4, CS_PICKLE_STRING);
    case 0x8c:
      return push_text (m, 1, CS_PICKLE_STRING);
    case 0x8d:
      return push_text (m, 8, CS_PICKLE_STRING);
    case 'B':
      return push_text (m, 4, CS_PICKLE_BYTES);
    case 'C':
      return push_text (m, 1, CS_PICKLE_BYTES);
    case 0x8e:
      return push_text (m, 8, CS_PICKLE_BYTES);
    case ']':
      return push_collection (m, CS_PICKLE_LIST, 0);
    case ')':
      return push_collection (m, CS_PICKLE_TUPLE, 0);
    case '}':
      return push_collection (m, CS_PICKLE_DICT, 0);
    case 0x85:
      return push_collection (m, CS_PICKLE_TUPLE, 1);
    case 0x86:
      return push_collection (m, CS_PICKLE_TUPLE, 2);
    case 0x87:
      return push_collection (m, CS_PICKLE_TUPLE, 3);
    default:
      return -1;
    }
}

/* The others; −1 for an opcode that is not known. */
static int
run_other (Machine *m, unsigned char op, GError **error)
{
  uint64_t ignored;
  size_t n;
  switch (op)
    {
    case 0x80:
      return take_number (m, 1, &ignored) && ignored <= 5;
    case 0x95:
      return take_number (m, 8, &ignored);
    case '(':
      return push_mark (m);
    case '0':
      return pop (m) != NULL;
    case '1':
      return pop_mark (m, &n) && (move_items (m, n, NULL), true);
    case 'l':
      return push_collection_to_mark (m, CS_PICKLE_LIST);
    case 't':
      return push_collection_to_mark (m, CS_PICKLE_TUPLE);
    case 'd':
      return push_collection_to_mark (m, CS_PICKLE_DICT);
    case 'a':
      return extend (m, CS_PICKLE_LIST, 1);
    case 'e':
      return extend_to_mark (m, CS_PICKLE_LIST);
    case 's':
      return extend (m, CS_PICKLE_DICT, 2);
    case 'u':
      return extend_to_mark (m, CS_PICKLE_DICT);
    case 'q':
      return memo_put (m, 1);
    case 'r':
      return memo_put (m, 4);
    case 'h':
      return memo_get (m, 1);
    case 'j':
      return memo_get (m, 4);
    case 0x94:
      return memoize (m);
    case 'c':
      return global (m, error);
    case 0x93:
      return stack_global (m, error);
    case 'R':
      return reduce (m, error);
    case 'Q':
      return persistent (m, error);
    case 'b':
      return build (m);
    default:
      return -1;
    }
}

static bool
run (Machine *m, GError **error)
{
  while (m->at < m->end)
    {
      const unsigned char op = *m->at++;
      if (op == '.')
        {
          m->pickle->root = pop (m);
          return m->pickle->root != NULL && m->pickle->stack->len == 0;
        }
      int result = run_plain (m, op);
      if (result < 0)
        result = run_other (m, op, error);
      if (result < 0)
        {
          g_autofree char *what = g_strdup_printf (
              "it has the pickle instruction 0x%02x, which a file of tensors does not need", op);
          return cs_pickle_fail (m->pickle, error, what);
        }
      if (result == 0)
        return false;
    }
  return false;
}

CsPickle *
cs_pickle_parse (const unsigned char *bytes, size_t size, const char *name, GError **error)
{
  g_autoptr (CsPickle) pickle = g_new0 (CsPickle, 1);
  Machine machine = { pickle, bytes, bytes + size };
  g_autoptr (GError) reason = NULL;
  pickle->name = g_strdup (name);
  pickle->budget = size;
  pickle->values = g_ptr_array_new_with_free_func (value_free);
  pickle->stack = g_ptr_array_new ();
  pickle->marks = g_array_new (FALSE, FALSE, sizeof (gsize));
  pickle->memo = g_hash_table_new (NULL, NULL);
  if (run (&machine, &reason))
    return g_steal_pointer (&pickle);
  if (reason)
    g_propagate_error (error, g_steal_pointer (&reason));
  else
    cs_pickle_fail (pickle, error, "its pickle is damaged or cut off");
  return NULL;
}
