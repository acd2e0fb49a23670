#include "jinja-private.h"

#define DEFAULT_STEPS ((uint64_t)20000000)
#define DEFAULT_BYTES ((size_t)512 << 20)
#define DEFAULT_SECONDS 10.0
#define STEPS_A_LOOK 2048 /* at the clock */

struct CsJinja
{
  JinjaArena arena;
  char *name;
  JinjaNodes body;
};

/* ---- compiling --------------------------------------------------------- */

CsJinja *
cs_jinja_compile (const char *source, size_t size, const char *name, GError **error)
{
  g_autoptr (CsJinja) jinja = g_new0 (CsJinja, 1);
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (JinjaToken));

  if (size > JINJA_MAX_SOURCE)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "%s: the chat template is longer than 4 MiB.", name);
      return NULL;
    }
  jinja->name = g_strdup (name);
  if (!jinja_lex (&jinja->arena, source, size, name, tokens, error) ||
      !jinja_parse (&jinja->arena, name, tokens, &jinja->body, error))
    return NULL;
  return g_steal_pointer (&jinja);
}

void
cs_jinja_free (CsJinja *jinja)
{
  if (jinja == NULL)
    return;
  jinja_arena_clear (&jinja->arena);
  g_free (jinja->name);
  g_free (jinja);
}

/* ---- errors and limits ------------------------------------------------- */

JinjaValue
jinja_fail (JinjaRun *run, const char *format, ...)
{
  va_list args;

  if (run->error == NULL)
    {
      va_start (args, format);
      run->error = g_error_new_valist (CS_ERROR, CS_ERROR_FORMAT, format, args);
      va_end (args);
    }
  return jinja_undefined ("");
}

void
jinja_fail_limit (JinjaRun *run, const char *what)
{
  if (run->error == NULL)
    g_set_error (&run->error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                 "%s: the chat template %s; it was stopped.", run->name, what);
}

bool
jinja_step (JinjaRun *run, size_t n)
{
  if (run->error != NULL)
    return false;
  run->steps += n;
  if (run->steps > run->max_steps)
    jinja_fail_limit (run, "takes too many steps");
  else if (run->steps >= run->next_clock)
    {
      run->next_clock = run->steps + STEPS_A_LOOK;
      if (g_get_monotonic_time () > run->deadline)
        jinja_fail_limit (run, "takes too long");
    }
  return run->error == NULL;
}

bool
jinja_enter (JinjaRun *run)
{
  if (++run->depth > JINJA_MAX_DEPTH)
    jinja_fail (run, "maximum recursion depth exceeded");
  return run->error == NULL;
}

void
jinja_leave (JinjaRun *run)
{
  run->depth--;
}

void *
jinja_alloc (JinjaRun *run, size_t size)
{
  void *memory = run->error == NULL ? jinja_arena_alloc (&run->arena, size) : NULL;

  if (memory == NULL)
    jinja_fail_limit (run, "needs too much memory");
  return memory;
}

const char *
jinja_format (JinjaRun *run, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;
  char *copy;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  copy = jinja_alloc (run, strlen (text) + 1);
  return copy != NULL ? strcpy (copy, text) : "";
}

/* ---- rendering --------------------------------------------------------- */

static void
bind_input (JinjaRun *run, JinjaScope *scope, const CsJinjaInput *input)
{
  const char *name;
  json_t *value;

  jinja_bind (run, scope, "messages", jinja_messages (run, input->messages));
  json_object_foreach (input->variables, name, value)
      jinja_bind (run, scope, name, jinja_from_json (run, value, 0));
}

static void
set_limits (JinjaRun *run, const CsJinjaLimits *limits)
{
  const double seconds = limits->max_seconds > 0 ? limits->max_seconds : DEFAULT_SECONDS;

  run->max_steps = limits->max_steps > 0 ? limits->max_steps : DEFAULT_STEPS;
  run->arena.limit = limits->max_bytes > 0 ? limits->max_bytes : DEFAULT_BYTES;
  run->deadline = g_get_monotonic_time () + (gint64)(MIN (seconds, 1e6) * G_USEC_PER_SEC);
}

static GArray *
runs_of (const JinjaText *text)
{
  GArray *runs = g_array_sized_new (FALSE, FALSE, sizeof (CsJinjaRun), (guint)text->n);

  for (size_t i = 0; i < text->n; i++)
    {
      const JinjaMark mark = text->stretches[i].mark;
      CsJinjaRun run = { text->stretches[i].end, (int32_t)(mark >> 2) - 1,
                         (CsJinjaField)(mark & 3) };
      g_array_append_val (runs, run);
    }
  return runs;
}

bool
cs_jinja_render (const CsJinja *jinja,
                 const CsJinjaInput *input,
                 char **text,
                 size_t *size,
                 GArray **runs,
                 GError **error)
{
  JinjaRun run = { .name = jinja->name, .message = -1 };
  JinjaText out;
  JinjaScope *given, *scope;

  if (input->now != NULL)
    run.now = g_date_time_ref (input->now);
  set_limits (&run, &input->limits);
  jinja_text_init (&out, &run);
  run.out = &out;
  given = jinja_scope_new (&run, NULL);
  scope = given != NULL ? jinja_scope_new (&run, given) : NULL;
  if (given != NULL)
    bind_input (&run, given, input);
  if (run.error == NULL && scope != NULL)
    jinja_execute (&run, scope, &jinja->body);
  const bool ok = run.error == NULL;
  if (ok)
    {
      *text = g_strndup (out.size > 0 ? out.bytes : "", out.size);
      *size = out.size;
      *runs = runs_of (&out);
    }
  else
    g_propagate_error (error, run.error);
  g_clear_pointer (&run.now, g_date_time_unref);
  jinja_arena_clear (&run.arena);
  return ok;
}
