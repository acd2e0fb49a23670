/* Controls on disk and as text. */
#include <math.h>
#include <string.h>

#include "claims.h"
#include "controls.h"
#include "errors.h"
#include "json.h"

#define FORMAT_VERSION 1
#define MAX_BYTES (1 << 20)
#define MAX_COUNT ((size_t)1 << 40)

static const char *const kind_names[CS_N_CONTROLS] = { "null", "tuned", "seed", "k", "layer" };

const char *
cs_control_kind_name (CsControlKind kind)
{
  g_return_val_if_fail ((unsigned)kind < CS_N_CONTROLS, NULL);
  return kind_names[kind];
}

bool
cs_control_kind_parse (const char *name, CsControlKind *kind)
{
  for (size_t i = 0; i < CS_N_CONTROLS; i++)
    if (g_strcmp0 (name, kind_names[i]) == 0)
      {
        *kind = (CsControlKind)i;
        return true;
      }
  return false;
}

void
cs_control_free (CsControl *control)
{
  if (control == NULL)
    return;
  g_free (control->run);
  g_free (control->of);
  g_free (control->store);
  g_free (control->base);
  g_free (control->chat);
  g_free (control);
}

static char *
file_of (const char *run_folder)
{
  return g_build_filename (run_folder, "control.json", NULL);
}

bool
cs_control_is (const char *run_folder)
{
  g_autofree char *path = file_of (run_folder);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* --- Counts --- */

static const struct
{
  const char *key;
  size_t offset;
} count_fields[] = {
  { "latents", offsetof (CsControlCounts, latents) },
  { "dead", offsetof (CsControlCounts, dead) },
  { "base_only", offsetof (CsControlCounts, base_only) },
  { "shared", offsetof (CsControlCounts, shared) },
  { "chat_only", offsetof (CsControlCounts, chat_only) },
  { "other", offsetof (CsControlCounts, other) },
  { "tested", offsetof (CsControlCounts, tested) },
  { "chat_leaning", offsetof (CsControlCounts, chat_leaning) },
  { "chat_specific", offsetof (CsControlCounts, chat_specific) },
};

static json_t *
counts_json (const CsControlCounts *counts)
{
  json_t *object = json_object ();

  for (size_t i = 0; i < G_N_ELEMENTS (count_fields); i++)
    {
      size_t value;

      memcpy (&value, (const char *)counts + count_fields[i].offset, sizeof value);
      json_object_set_new (object, count_fields[i].key, json_integer ((json_int_t)value));
    }
  json_object_set_new (object, "fve_base", cs_claims_real (counts->fve_base));
  json_object_set_new (object, "fve_chat", cs_claims_real (counts->fve_chat));
  json_object_set_new (object, "l0", cs_claims_real (counts->l0));
  return object;
}

static bool
read_counts (json_t *object, const char *path, CsControlCounts *counts, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS (count_fields); i++)
    {
      size_t value;

      if (!cs_json_get_size (object, path, count_fields[i].key, 0, MAX_COUNT, 0, &value, error))
        return false;
      memcpy ((char *)counts + count_fields[i].offset, &value, sizeof value);
    }
  return cs_json_get_double (object, path, "fve_base", NAN, &counts->fve_base, error) &&
         cs_json_get_double (object, path, "fve_chat", NAN, &counts->fve_chat, error) &&
         cs_json_get_double (object, path, "l0", NAN, &counts->l0, error);
}

/* --- Controls --- */

json_t *
cs_control_to_json (const CsControl *c)
{
  json_t *root =
      json_pack ("{s:i, s:s, s:s, s:s, s:o, s:I, s:s?, s:s?, s:s?, s:b}", "format_version",
                 FORMAT_VERSION, "kind", kind_names[c->kind], "run", c->run, "of", c->of, "value",
                 cs_claims_real (c->value), "layer", (json_int_t)c->layer, "store", c->store,
                 "base", c->base, "chat", c->chat, "done", (int)c->done);

  if (root == NULL)
    return NULL;
  if (c->kind == CS_CONTROL_TUNED)
    json_object_set_new (
        root, "tuned",
        json_pack ("{s:o, s:o, s:o, s:o, s:o}", "tokens", cs_claims_real (c->tune_tokens),
                   "loss_first", cs_claims_real (c->tune_loss[0]), "loss_last",
                   cs_claims_real (c->tune_loss[1]), "moved", cs_claims_real (c->moved[0]),
                   "chat_moved", cs_claims_real (c->moved[1])));
  if (c->done)
    {
      json_object_set_new (root, "counts", counts_json (&c->counts));
      json_object_set_new (root, "of_counts", counts_json (&c->of_counts));
    }
  return root;
}

bool
cs_control_save (const CsControl *control, const char *run_folder, GError **error)
{
  g_autoptr (json_t) root = cs_control_to_json (control);
  g_autofree char *path = file_of (run_folder);

  if (root != NULL)
    return cs_json_save (root, path, error);
  g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
               "%s cannot hold a path that is not valid UTF-8: rename the models' folders.", path);
  return false;
}

/* A path of the study's own that cannot lead out of it. */
static bool
is_inside (const char *store)
{
  return store == NULL || (!g_path_is_absolute (store) && strstr (store, "..") == NULL);
}

static bool
read_strings (json_t *root, const char *path, CsControl *c, GError **error)
{
  const char *kind, *run, *of, *store, *base, *chat;

  if (!cs_json_get_string (root, path, "kind", "", &kind, error) ||
      !cs_json_get_string (root, path, "run", NULL, &run, error) ||
      !cs_json_get_string (root, path, "of", NULL, &of, error) ||
      !cs_json_get_string (root, path, "store", NULL, &store, error) ||
      !cs_json_get_string (root, path, "base", NULL, &base, error) ||
      !cs_json_get_string (root, path, "chat", NULL, &chat, error))
    return false;
  if (run == NULL || of == NULL || !cs_control_kind_parse (kind, &c->kind) || !is_inside (store))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "%s does not describe a control: run the control again.", path);
      return false;
    }
  c->run = g_strdup (run);
  c->of = g_strdup (of);
  c->store = g_strdup (store);
  c->base = g_strdup (base);
  c->chat = g_strdup (chat);
  return true;
}

static bool
read_tuned (json_t *object, const char *path, CsControl *c, GError **error)
{
  c->tune_tokens = NAN;
  for (int i = 0; i < 2; i++)
    c->tune_loss[i] = c->moved[i] = NAN;
  return !json_is_object (object) ||
         (cs_json_get_double (object, path, "tokens", NAN, &c->tune_tokens, error) &&
          cs_json_get_double (object, path, "loss_first", NAN, &c->tune_loss[0], error) &&
          cs_json_get_double (object, path, "loss_last", NAN, &c->tune_loss[1], error) &&
          cs_json_get_double (object, path, "moved", NAN, &c->moved[0], error) &&
          cs_json_get_double (object, path, "chat_moved", NAN, &c->moved[1], error));
}

CsControl *
cs_control_load (const char *run_folder, GError **error)
{
  g_autofree char *path = file_of (run_folder);
  g_autoptr (json_t) root = cs_json_load (path, MAX_BYTES, error);
  g_autoptr (CsControl) c = g_new0 (CsControl, 1);
  size_t version;

  if (root == NULL ||
      !cs_json_get_size (root, path, "format_version", 1, FORMAT_VERSION, 0, &version, error) ||
      !read_strings (root, path, c, error) ||
      !cs_json_get_double (root, path, "value", NAN, &c->value, error) ||
      !cs_json_get_size (root, path, "layer", 0, 4096, 0, &c->layer, error) ||
      !cs_json_get_bool (root, path, "done", false, &c->done, error) ||
      !read_tuned (json_object_get (root, "tuned"), path, c, error))
    return NULL;
  if (c->done && (!read_counts (json_object_get (root, "counts"), path, &c->counts, error) ||
                  !read_counts (json_object_get (root, "of_counts"), path, &c->of_counts, error)))
    return NULL;
  return g_steal_pointer (&c);
}

static int
by_run (const void *a, const void *b)
{
  const CsControl *const *x = a, *const *y = b;

  return strcmp ((*x)->run, (*y)->run);
}

GPtrArray *
cs_controls_load (const char *study_folder)
{
  g_autofree char *runs = g_build_filename (study_folder, "runs", NULL);
  g_autoptr (GDir) dir = g_dir_open (runs, 0, NULL);
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify)cs_control_free);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *folder = g_build_filename (runs, name, NULL);
      CsControl *control = cs_control_is (folder) ? cs_control_load (folder, NULL) : NULL;

      if (control != NULL)
        g_ptr_array_add (list, control);
    }
  g_ptr_array_sort (list, by_run);
  return list;
}

/* --- Text --- */

#define AS_FAR 0.98 /* rounding to bfloat16 moves weights back a little */

/* "0.123" in every locale; buffer of G_ASCII_DTOSTR_BUF_SIZE bytes. */
static const char *
three (char *buffer, double value)
{
  return g_ascii_formatd (buffer, G_ASCII_DTOSTR_BUF_SIZE, "%.3f", value);
}

char *
cs_control_tuned_text (const CsControl *c)
{
  const double share = c->moved[0] / c->moved[1];
  char moved[G_ASCII_DTOSTR_BUF_SIZE], chat[G_ASCII_DTOSTR_BUF_SIZE],
      first[G_ASCII_DTOSTR_BUF_SIZE], last[G_ASCII_DTOSTR_BUF_SIZE];

  if (c->kind != CS_CONTROL_TUNED || !isfinite (c->moved[0]))
    return NULL;
  three (moved, c->moved[0]);
  three (first, c->tune_loss[0]);
  three (last, c->tune_loss[1]);
  if (!isfinite (share))
    return g_strdup_printf ("The copy's weights moved by %s of their norm on base text (loss %s → "
                            "%s); the chat model's cannot be compared with them.",
                            moved, first, last);
  return g_strdup_printf ("The copy's weights moved by %s of their norm on base text (loss %s → "
                          "%s), the chat model's by %s: %s.",
                          moved, first, last, three (chat, c->moved[1]),
                          share >= AS_FAR ? "as far, and there the tuning stopped"
                                          : "it ran out of tokens before it was as far");
}

static void
append_counts (GString *text, const char *name, const CsControlCounts *counts)
{
  g_string_append_printf (text, "%-28s %9zu %9zu %12zu %13zu %6zu", name, counts->latents,
                          counts->chat_only, counts->chat_leaning, counts->chat_specific,
                          counts->dead);
  if (isfinite (counts->fve_chat) && isfinite (counts->l0))
    g_string_append_printf (text, "  %8.3f %6.1f", counts->fve_chat, counts->l0);
  g_string_append_c (text, '\n');
}

/* Where a control says less than it seems to, or how far it reaches. */
static void
append_note (GString *text, const CsControl *c)
{
  g_autofree char *tuned = cs_control_tuned_text (c);

  if (c->kind == CS_CONTROL_NULL)
    g_string_append (
        text, "  both decoders begin alike and see the same inputs, so their gradients are equal and "
              "Δ_norm stays at 0.5: a check of the machinery, not of the method (see tuned)\n");
  if (tuned != NULL)
    g_string_append_printf (text, "  %s\n", tuned);
}

static void
append_control (GString *text, const CsControl *c)
{
  if (!c->done)
    {
      g_string_append_printf (text, "%-28s not finished\n", c->run);
      return;
    }
  append_counts (text, c->run, &c->counts);
  append_note (text, c);
}

char *
cs_controls_text (const GPtrArray *controls)
{
  GString *text = g_string_new ("run                            latents chat-only chat-leaning "
                                "chat-specific   dead  FVE chat     L0\n");
  g_autoptr (GHashTable) shown = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < controls->len; i++)
    {
      const CsControl *c = g_ptr_array_index (controls, i);

      if (c->done && g_hash_table_add (shown, c->of))
        append_counts (text, c->of, &c->of_counts);
      append_control (text, c);
    }
  return g_string_free (text, false);
}
