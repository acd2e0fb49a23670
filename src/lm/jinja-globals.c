/* Functions that every template finds. */
#include "jinja-private.h"

#define MAX_DATE_FORMAT 4096

static const char *const names[] = { "range",           "dict",         "namespace",
                                     "cycler",          "joiner",       "lipsum",
                                     "raise_exception", "strftime_now", NULL };

bool
jinja_has_global (const char *name)
{
  return g_strv_contains (names, name);
}

/* ---- range ------------------------------------------------------------- */

static size_t
range_size (int64_t start, int64_t stop, int64_t step)
{
  if (step > 0 ? start >= stop : start <= stop)
    return 0;
  const uint64_t width =
      step > 0 ? (uint64_t)stop - (uint64_t)start : (uint64_t)start - (uint64_t)stop;
  const uint64_t by = step > 0 ? (uint64_t)step : (uint64_t)0 - (uint64_t)step;
  return (size_t)((width - 1) / by + 1);
}

JinjaValue
jinja_make_range (JinjaRun *run, const JinjaCall *call)
{
  int64_t bounds[3] = { 0, 0, 1 };
  JinjaRange *range;

  if (call->n < 1 || call->n > 3)
    return jinja_fail (run, "range expected 1 to 3 arguments, got %zu", call->n);
  for (size_t i = 0; i < call->n; i++)
    {
      const JinjaValue value = call->positional[i];
      if (value.type != JINJA_INT && value.type != JINJA_BOOL)
        return jinja_fail (run, "'%s' object cannot be interpreted as an integer",
                           jinja_type_name (value));
      bounds[call->n == 1 ? 1 : i] = jinja_integer (value);
    }
  if (bounds[2] == 0)
    return jinja_fail (run, "range() arg 3 must not be zero");
  const size_t n = range_size (bounds[0], bounds[1], bounds[2]);
  if (n > JINJA_MAX_RANGE)
    return jinja_fail (run, "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).",
                       JINJA_MAX_RANGE);
  range = jinja_alloc (run, sizeof *range);
  if (range == NULL)
    return jinja_undefined ("");
  *range = (JinjaRange){ bounds[0], bounds[1], bounds[2], n };
  return (JinjaValue){ JINJA_RANGE, { .range = range } };
}

/* ---- the date ---------------------------------------------------------- */

static const char *const months[] = { "January",   "February", "March",    "April",
                                      "May",       "June",     "July",     "August",
                                      "September", "October",  "November", "December" };
static const char *const days[] = { "Monday", "Tuesday",  "Wednesday", "Thursday",
                                    "Friday", "Saturday", "Sunday" };

/* Weeks of the year that begin on the given day (0 Sunday, 1 Monday), days before the first are in
 * week 0. */
static int
week_of_year (GDateTime *now, int first)
{
  const int day = g_date_time_get_day_of_year (now) - 1,
            weekday = g_date_time_get_day_of_week (now) % 7;
  return (day + 7 - (weekday + 7 - first) % 7) / 7;
}

/* Months and days in English whatever the locale is, as Python's do unless it is told otherwise.
 * false for a letter that it does not know. */
static bool
append_name (GString *out, GDateTime *now, char letter)
{
  const char *month = months[g_date_time_get_month (now) - 1],
             *day = days[g_date_time_get_day_of_week (now) - 1];
  const int hour = g_date_time_get_hour (now);

  switch (letter)
    {
    case 'a':
      g_string_append_len (out, day, 3);
      return true;
    case 'A':
      g_string_append (out, day);
      return true;
    case 'b':
    case 'h':
      g_string_append_len (out, month, 3);
      return true;
    case 'B':
      g_string_append (out, month);
      return true;
    case 'p':
      g_string_append (out, hour < 12 ? "AM" : "PM");
      return true;
    case '%':
      g_string_append_c (out, '%');
      return true;
    case 'n':
    case 't':
      g_string_append_c (out, letter == 'n' ? '\n' : '\t');
      return true;
    case 'z':
    case 'Z': /* datetime.now () knows no zone */
      return true;
    default:
      return false;
    }
}

static int
date_number (GDateTime *now, char letter, int *width)
{
  const int hour = g_date_time_get_hour (now);

  *width = 2;
  switch (letter)
    {
    case 'd':
    case 'e':
      return g_date_time_get_day_of_month (now);
    case 'm':
      return g_date_time_get_month (now);
    case 'y':
      return g_date_time_get_year (now) % 100;
    case 'C':
      return g_date_time_get_year (now) / 100;
    case 'Y':
      *width = 1;
      return g_date_time_get_year (now);
    case 'G':
      *width = 1;
      return g_date_time_get_week_numbering_year (now);
    case 'V':
      return g_date_time_get_week_of_year (now);
    case 'U':
      return week_of_year (now, 0);
    case 'W':
      return week_of_year (now, 1);
    case 'H':
    case 'k':
      return hour;
    case 'I':
    case 'l':
      return (hour + 11) % 12 + 1;
    case 'M':
      return g_date_time_get_minute (now);
    case 'S':
      return g_date_time_get_second (now);
    case 'j':
      *width = 3;
      return g_date_time_get_day_of_year (now);
    case 'f':
      *width = 6;
      return g_date_time_get_microsecond (now);
    case 'w':
    case 'u':
      *width = 1;
      return letter == 'w' ? g_date_time_get_day_of_week (now) % 7
                           : g_date_time_get_day_of_week (now);
    default:
      return -1;
    }
}

static const char *
composed_format (char letter)
{
  static const struct
  {
    char letter;
    const char *format;
  } composed[] = { { 'D', "%m/%d/%y" },
                   { 'x', "%m/%d/%y" },
                   { 'F', "%Y-%m-%d" },
                   { 'T', "%H:%M:%S" },
                   { 'X', "%H:%M:%S" },
                   { 'R', "%H:%M" },
                   { 'c', "%a %b %e %H:%M:%S %Y" },
                   { 'r', "%I:%M:%S %p" } };

  for (size_t i = 0; i < G_N_ELEMENTS (composed); i++)
    if (composed[i].letter == letter)
      return composed[i].format;
  return NULL;
}

static void
append_date (GString *out, GDateTime *now, const char *format)
{
  for (const char *p = format; *p != '\0'; p++)
    {
      char flag = 0;
      int number, width;

      if (*p != '%' || p[1] == '\0')
        {
          g_string_append_c (out, *p);
          continue;
        }
      p++;
      if (strchr ("-_0^#", *p) != NULL && p[1] != '\0')
        flag = *p++;
      if (append_name (out, now, *p))
        continue;
      if (composed_format (*p) != NULL)
        append_date (out, now, composed_format (*p));
      else if ((number = date_number (now, *p, &width)) < 0)
        g_string_append_printf (out, "%%%c", *p);
      else if (flag == '-')
        g_string_append_printf (out, "%d", number);
      else if (flag == '_' || (flag == 0 && strchr ("ekl", *p) != NULL))
        g_string_append_printf (out, "%*d", width, number);
      else
        g_string_append_printf (out, "%0*d", width, number);
    }
}

const JinjaString *
jinja_strftime (JinjaRun *run, const JinjaString *format)
{
  g_autoptr (GString) out = g_string_new (NULL);

  if (format->size > MAX_DATE_FORMAT)
    {
      jinja_fail (run, "the date format is too long");
      return &jinja_empty;
    }
  if (run->now == NULL)
    run->now = g_date_time_new_now_local ();
  append_date (out, run->now, format->bytes);
  return jinja_string (run, out->str, out->len, 0);
}

/* ---- the others -------------------------------------------------------- */

/* dict (…) and namespace (…): a mapping or pairs, then names. */
static JinjaValue
make_dict (JinjaRun *run, JinjaType type, const JinjaCall *call)
{
  JinjaDict *dict = jinja_dict_new (run);

  if (call->n > 0 && call->positional[0].type == JINJA_DICT)
    {
      const JinjaDict *from = call->positional[0].as.dict;
      for (size_t i = 0; i < from->n && run->error == NULL; i++)
        jinja_dict_set (run, dict, from->keys[i], from->values[i]);
    }
  else if (call->n > 0)
    {
      const JinjaList *pairs = jinja_iterate (run, call->positional[0]);
      for (size_t i = 0; i < pairs->n && run->error == NULL; i++)
        {
          const JinjaList *pair = jinja_iterate (run, pairs->items[i]);
          if (pair->n == 2)
            jinja_dict_set (run, dict, pair->items[0], pair->items[1]);
          else
            jinja_fail (run,
                        "dictionary update sequence element #%zu has length %zu; 2 is required", i,
                        pair->n);
        }
    }
  for (size_t i = 0; i < call->n_keyword && run->error == NULL; i++)
    jinja_dict_set (run, dict, jinja_of_c (run, call->names[i]), call->keyword[i]);
  return (JinjaValue){ type, { .dict = dict } };
}

static JinjaValue
make_cycle (JinjaRun *run, JinjaType type, const JinjaCall *call)
{
  JinjaCycle *cycle = jinja_alloc (run, sizeof *cycle);
  JinjaItems items;

  if (cycle == NULL)
    return jinja_undefined ("");
  if (type == JINJA_JOINER)
    cycle->separator = jinja_argument_string (run, call, 0, "sep", jinja_string (run, ", ", 2, 0));
  else if (call->n == 0)
    return jinja_fail (run, "at least one item has to be provided");
  jinja_items_init (&items, run);
  for (size_t i = 0; i < call->n; i++)
    jinja_items_add (&items, call->positional[i]);
  cycle->items = jinja_items_take (&items);
  return (JinjaValue){ type, { .cycle = cycle } };
}

static JinjaValue
raise_exception (JinjaRun *run, const JinjaCall *call)
{
  const JinjaValue *message = jinja_argument (call, 0, "message");
  const JinjaString *text = message != NULL ? jinja_str (run, *message) : &jinja_empty;

  if (run->error == NULL)
    g_set_error_literal (&run->error, CS_ERROR, CS_ERROR_USAGE, text->bytes);
  return jinja_undefined ("");
}

JinjaValue
jinja_call_global (JinjaRun *run, const char *name, const JinjaCall *call)
{
  if (strcmp (name, "range") == 0)
    return jinja_make_range (run, call);
  if (strcmp (name, "dict") == 0)
    return make_dict (run, JINJA_DICT, call);
  if (strcmp (name, "namespace") == 0)
    return make_dict (run, JINJA_NAMESPACE, call);
  if (strcmp (name, "cycler") == 0)
    return make_cycle (run, JINJA_CYCLER, call);
  if (strcmp (name, "joiner") == 0)
    return make_cycle (run, JINJA_JOINER, call);
  if (strcmp (name, "raise_exception") == 0)
    return raise_exception (run, call);
  if (strcmp (name, "strftime_now") == 0)
    return jinja_of_string (
        jinja_strftime (run, jinja_argument_string (run, call, 0, "format", &jinja_empty)));
  return jinja_fail (run, "%s is not among what chat templates may use here", name);
}
