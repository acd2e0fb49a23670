/* FOLDER/baselines.json, and the same to read. */
#include "baselines.h"

#include <math.h>
#include <string.h>

#include "errors.h"
#include "json.h"

#define FORMAT_VERSION 1
#define MAX_ITEMS ((size_t)1 << 20)

static void
free_tokens (CsBaselineToken *tokens, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      g_free (tokens[i].context);
      g_free (tokens[i].token);
      g_free (tokens[i].chat_next);
      g_free (tokens[i].base_next);
    }
  g_free (tokens);
}

void
cs_baselines_free (CsBaselines *b)
{
  if (b == NULL)
    return;
  free_tokens (b->top, b->n_top);
  free_tokens (b->top_answers, b->n_top_answers);
  for (size_t i = 0; i < b->n_top_documents; i++)
    g_free (b->top_documents[i].beginning);
  for (size_t i = 0; i < b->n_differences; i++)
    {
      g_free (b->differences[i].name);
      cs_lens_free (b->differences[i].lens);
    }
  for (size_t i = 0; i < b->n_components; i++)
    cs_lens_free (b->components[i].lens);
  g_free (b->top_documents);
  g_free (b->classes);
  g_free (b->differences);
  g_free (b->components);
  g_free (b->base_model);
  g_free (b->chat_model);
  g_free (b->base_hash);
  g_free (b->chat_hash);
  g_strfreev (b->corpora);
  g_free (b);
}

/* --- Writing --- */

static json_t *
real (double value)
{
  return isfinite (value) ? json_real (value) : json_null ();
}

static json_t *
string (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);

  return json_string (valid);
}

static json_t *
integer (size_t value)
{
  return json_integer ((json_int_t)value);
}

static json_t *
token_json (const CsBaselineToken *t)
{
  return json_pack ("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "document",
                    integer (t->document), "position", integer (t->position), "class",
                    cs_turn_class_name (t->class), "kl", real (t->kl), "context",
                    string (t->context), "token", string (t->token), "chat_next",
                    string (t->chat_next), "base_next", string (t->base_next), "chat_probability",
                    real (t->chat_probability), "base_probability", real (t->base_probability));
}

static json_t *
document_json (const CsBaselineDocument *d)
{
  return json_pack ("{s:o, s:o, s:o, s:o, s:o}", "document", integer (d->document), "corpus",
                    integer (d->corpus), "tokens", integer (d->n_tokens), "kl", real (d->kl),
                    "beginning", string (d->beginning));
}

static json_t *
class_json (const CsBaselineClass *c)
{
  return json_pack ("{s:s, s:o, s:o, s:o, s:o}", "class", cs_turn_class_name (c->class), "count",
                    integer (c->count), "kl", real (c->kl), "lo", real (c->lo), "hi", real (c->hi));
}

static json_t *
difference_json (const CsBaselineDifference *d)
{
  return json_pack ("{s:o, s:o, s:o, s:o, s:o}", "name", string (d->name), "count",
                    integer (d->count), "norm", real (d->norm), "relative", real (d->relative),
                    "lens", cs_lens_to_json (d->lens));
}

static json_t *
component_json (const CsBaselineComponent *c)
{
  return json_pack ("{s:o, s:o}", "share", real (c->share), "lens", cs_lens_to_json (c->lens));
}

static json_t *
settings_json (const CsBaselines *b)
{
  json_t *corpora = json_array ();

  for (size_t i = 0; b->corpora != NULL && b->corpora[i] != NULL; i++)
    json_array_append_new (corpora, string (b->corpora[i]));
  return json_pack ("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                    "format_version", FORMAT_VERSION, "base_model", string (b->base_model),
                    "base_hash", string (b->base_hash), "chat_model", string (b->chat_model),
                    "chat_hash", string (b->chat_hash), "layer", integer (b->layer), "corpora",
                    corpora, "documents", integer (b->n_documents), "tokens", integer (b->n_tokens),
                    "bootstrap_draws", integer (b->n_draws), "seed",
                    json_integer ((json_int_t)b->seed), "kl", real (b->kl), "kl_lo", real (b->lo),
                    "kl_hi", real (b->hi));
}

json_t *
cs_baselines_to_json (const CsBaselines *b)
{
  json_t *root = settings_json (b), *top = json_array (), *answers = json_array (),
         *documents = json_array (), *classes = json_array (), *differences = json_array (),
         *components = json_array ();

  for (size_t i = 0; i < b->n_classes; i++)
    json_array_append_new (classes, class_json (&b->classes[i]));
  for (size_t i = 0; i < b->n_top; i++)
    json_array_append_new (top, token_json (&b->top[i]));
  for (size_t i = 0; i < b->n_top_answers; i++)
    json_array_append_new (answers, token_json (&b->top_answers[i]));
  for (size_t i = 0; i < b->n_top_documents; i++)
    json_array_append_new (documents, document_json (&b->top_documents[i]));
  for (size_t i = 0; i < b->n_differences; i++)
    json_array_append_new (differences, difference_json (&b->differences[i]));
  for (size_t i = 0; i < b->n_components; i++)
    json_array_append_new (components, component_json (&b->components[i]));
  json_object_set_new (root, "classes", classes);
  json_object_set_new (root, "top_tokens", top);
  json_object_set_new (root, "top_answer_tokens", answers);
  json_object_set_new (root, "top_documents", documents);
  json_object_set_new (root, "differences", differences);
  json_object_set_new (root, "components", components);
  return root;
}

bool
cs_baselines_save (const CsBaselines *baselines, const char *folder, GError **error)
{
  g_autoptr (json_t) root = cs_baselines_to_json (baselines);
  g_autofree char *path = g_build_filename (folder, "baselines.json", NULL);

  return cs_json_save (root, path, error);
}

/* --- Reading --- */

static bool
bad (const char *name, const char *what, GError **error)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s: %s; make the file again.", name, what);
  return false;
}

static bool
get_string (json_t *object, const char *name, const char *key, char **out, GError **error)
{
  const char *text;

  if (!cs_json_get_string (object, name, key, "", &text, error))
    return false;
  *out = g_strdup (text);
  return true;
}

static bool
get_size (json_t *object, const char *name, const char *key, size_t *out, GError **error)
{
  return cs_json_get_size (object, name, key, 0, (size_t)1 << 52, 0, out, error);
}

static bool
get_real (json_t *object, const char *name, const char *key, double *out, GError **error)
{
  return cs_json_get_double (object, name, key, NAN, out, error);
}

static bool
get_class (json_t *object, const char *name, CsTurnClass *class, GError **error)
{
  const char *text = json_string_value (json_object_get (object, "class"));

  for (int i = 0; i < CS_TURN_N_CLASSES; i++)
    if (g_strcmp0 (text, cs_turn_class_name ((CsTurnClass)i)) == 0)
      {
        *class = (CsTurnClass)i;
        return true;
      }
  return bad (name, "a token's class is not known", error);
}

static bool
read_token (json_t *object, const char *name, void *item, GError **error)
{
  CsBaselineToken *t = item;

  return get_size (object, name, "document", &t->document, error) &&
         get_size (object, name, "position", &t->position, error) &&
         get_class (object, name, &t->class, error) &&
         get_real (object, name, "kl", &t->kl, error) &&
         get_string (object, name, "context", &t->context, error) &&
         get_string (object, name, "token", &t->token, error) &&
         get_string (object, name, "chat_next", &t->chat_next, error) &&
         get_string (object, name, "base_next", &t->base_next, error) &&
         get_real (object, name, "chat_probability", &t->chat_probability, error) &&
         get_real (object, name, "base_probability", &t->base_probability, error);
}

static bool
read_document (json_t *object, const char *name, void *item, GError **error)
{
  CsBaselineDocument *d = item;

  return get_size (object, name, "document", &d->document, error) &&
         get_size (object, name, "corpus", &d->corpus, error) &&
         get_size (object, name, "tokens", &d->n_tokens, error) &&
         get_real (object, name, "kl", &d->kl, error) &&
         get_string (object, name, "beginning", &d->beginning, error);
}

static bool
read_class (json_t *object, const char *name, void *item, GError **error)
{
  CsBaselineClass *c = item;

  return get_class (object, name, &c->class, error) &&
         get_size (object, name, "count", &c->count, error) &&
         get_real (object, name, "kl", &c->kl, error) &&
         get_real (object, name, "lo", &c->lo, error) &&
         get_real (object, name, "hi", &c->hi, error);
}

static bool
read_difference (json_t *object, const char *name, void *item, GError **error)
{
  CsBaselineDifference *d = item;

  d->lens = cs_lens_from_json (json_object_get (object, "lens"), name, error);
  return d->lens != NULL && get_string (object, name, "name", &d->name, error) &&
         get_size (object, name, "count", &d->count, error) &&
         get_real (object, name, "norm", &d->norm, error) &&
         get_real (object, name, "relative", &d->relative, error);
}

static bool
read_component (json_t *object, const char *name, void *item, GError **error)
{
  CsBaselineComponent *c = item;

  c->lens = cs_lens_from_json (json_object_get (object, "lens"), name, error);
  return c->lens != NULL && get_real (object, name, "share", &c->share, error);
}

typedef bool (*ReadItem) (json_t *object, const char *name, void *item, GError **error);

/* *n counts what has been begun, so that freeing finds it. */
static bool
read_list (json_t *root,
           const char *name,
           const char *key,
           ReadItem read,
           size_t item_size,
           void **items,
           size_t *n,
           GError **error)
{
  json_t *array = json_object_get (root, key), *object;
  size_t i;

  if (!json_is_array (array) || json_array_size (array) > MAX_ITEMS)
    return bad (name, "a list is missing", error);
  *items = g_malloc0_n (json_array_size (array) + 1, item_size);
  json_array_foreach (array, i, object)
  {
    *n = i + 1;
    if (!json_is_object (object))
      return bad (name, "a list holds what is no object", error);
    if (!read (object, name, (char *)*items + i * item_size, error))
      return false;
  }
  return true;
}

static bool
read_corpora (json_t *root, const char *name, CsBaselines *b, GError **error)
{
  json_t *array = json_object_get (root, "corpora");

  if (!json_is_array (array) || json_array_size (array) > MAX_ITEMS)
    return bad (name, "“corpora” is no list", error);
  b->corpora = g_new0 (char *, json_array_size (array) + 1);
  for (size_t i = 0; i < json_array_size (array); i++)
    {
      const char *text = json_string_value (json_array_get (array, i));

      if (text == NULL)
        return bad (name, "a corpus has no name", error);
      b->corpora[i] = g_strdup (text);
    }
  return true;
}

static bool
read_all (json_t *root, const char *name, CsBaselines *b, GError **error)
{
  size_t seed = 0;

  if (!get_size (root, name, "seed", &seed, error))
    return false;
  b->seed = seed;
#define LIST(key, read, items, n)                                                                  \
  read_list (root, name, key, read, sizeof *b->items, (void **)&b->items, &b->n, error)
  return get_string (root, name, "base_model", &b->base_model, error) &&
         get_string (root, name, "base_hash", &b->base_hash, error) &&
         get_string (root, name, "chat_model", &b->chat_model, error) &&
         get_string (root, name, "chat_hash", &b->chat_hash, error) &&
         get_size (root, name, "layer", &b->layer, error) &&
         get_size (root, name, "documents", &b->n_documents, error) &&
         get_size (root, name, "tokens", &b->n_tokens, error) &&
         get_size (root, name, "bootstrap_draws", &b->n_draws, error) &&
         get_real (root, name, "kl", &b->kl, error) &&
         get_real (root, name, "kl_lo", &b->lo, error) &&
         get_real (root, name, "kl_hi", &b->hi, error) && read_corpora (root, name, b, error) &&
         LIST ("classes", read_class, classes, n_classes) &&
         LIST ("top_tokens", read_token, top, n_top) &&
         LIST ("top_answer_tokens", read_token, top_answers, n_top_answers) &&
         LIST ("top_documents", read_document, top_documents, n_top_documents) &&
         LIST ("differences", read_difference, differences, n_differences) &&
         LIST ("components", read_component, components, n_components);
#undef LIST
}

CsBaselines *
cs_baselines_load (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "baselines.json", NULL);
  g_autoptr (json_t) root = cs_json_load (path, 0, error);
  g_autoptr (CsBaselines) b = g_new0 (CsBaselines, 1);
  size_t version = 0;

  if (root == NULL)
    return NULL;
  if (!json_is_object (root))
    {
      bad (path, "it is no object", error);
      return NULL;
    }
  if (!get_size (root, path, "format_version", &version, error))
    return NULL;
  if (version != FORMAT_VERSION)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "%s is of format %zu and this version reads %d: make it again.", path, version,
                   FORMAT_VERSION);
      return NULL;
    }
  return read_all (root, path, b, error) ? g_steal_pointer (&b) : NULL;
}

/* --- Text --- */

static void
append_lens (GString *text, const CsLens *lens)
{
  g_autofree char *promoted = cs_lens_words (lens->promoted, lens->n);
  g_autofree char *suppressed = cs_lens_words (lens->suppressed, lens->n);

  g_string_append_printf (text, "    promotes    %s\n    suppresses  %s\n", promoted, suppressed);
}

static void
append_tokens (GString *text, const char *title, const CsBaselineToken *tokens, size_t n)
{
  g_string_append_printf (text, "\n%s\n", title);
  for (size_t i = 0; i < MIN (n, 15); i++)
    {
      const CsBaselineToken *t = &tokens[i];
      g_autofree char *context = g_strdelimit (g_strdup (t->context), "\n", ' ');
      const CsLensToken words[] = { { 0, 0, t->chat_next }, { 0, 0, t->base_next } };
      g_autofree char *chat = cs_lens_words (words, 1), *base = cs_lens_words (words + 1, 1);

      g_string_append_printf (text, "%7.2f  …%s\n         chat: %s (%.2f, base %.2g), base: %s\n",
                              t->kl, context, chat, t->chat_probability, t->base_probability, base);
    }
}

char *
cs_baselines_text (const CsBaselines *b)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (
      text, "KL of chat from base: %.3f [%.3f, %.3f] over %zu tokens of %zu documents\n", b->kl,
      b->lo, b->hi, b->n_tokens, b->n_documents);
  g_string_append (text, "By the class of the token read last\n");
  for (size_t i = 0; i < b->n_classes; i++)
    g_string_append_printf (text, "  %-8s %8zu tokens  %.3f [%.3f, %.3f]\n",
                            cs_turn_class_name (b->classes[i].class), b->classes[i].count,
                            b->classes[i].kl, b->classes[i].lo, b->classes[i].hi);
  append_tokens (text, "Tokens after which the models differ most", b->top, b->n_top);
  append_tokens (text, "The same within answers", b->top_answers, b->n_top_answers);
  g_string_append (text, "\nDocuments in which they differ most\n");
  for (size_t i = 0; i < MIN (b->n_top_documents, 10); i++)
    {
      g_autofree char *beginning =
          g_strdelimit (g_strdup (b->top_documents[i].beginning), "\n", ' ');

      g_string_append_printf (text, "%7.3f  %s…\n", b->top_documents[i].kl, beginning);
    }
  g_string_append_printf (text, "\nMean activation difference after block %zu\n", b->layer);
  for (size_t i = 0; i < b->n_differences; i++)
    {
      const CsBaselineDifference *d = &b->differences[i];

      g_string_append_printf (text, "  %s (%zu tokens): norm %.2f, %.0f %% of chat's\n", d->name,
                              d->count, d->norm, 100 * d->relative);
      append_lens (text, d->lens);
    }
  g_string_append (text, "\nPrincipal components of the difference\n");
  for (size_t i = 0; i < b->n_components; i++)
    {
      g_string_append_printf (text, "  %zu: %.1f %% of the variance\n", i + 1,
                              100 * b->components[i].share);
      append_lens (text, b->components[i].lens);
    }
  return g_string_free (text, FALSE);
}
