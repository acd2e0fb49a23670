/* FOLDER/baselines.json, and the same to read. */
#include "baselines.h"

#include <string.h>

#include "result-json.h"

#define FORMAT_VERSION 1

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
token_json (const CsBaselineToken *t)
{
  return json_pack ("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "document",
                    cs_result_size (t->document), "position", cs_result_size (t->position), "class",
                    cs_token_class_name (t->class), "kl", cs_result_real (t->kl), "context",
                    cs_result_text (t->context), "token", cs_result_text (t->token), "chat_next",
                    cs_result_text (t->chat_next), "base_next", cs_result_text (t->base_next),
                    "chat_probability", cs_result_real (t->chat_probability), "base_probability",
                    cs_result_real (t->base_probability));
}

static json_t *
document_json (const CsBaselineDocument *d)
{
  return json_pack ("{s:o, s:o, s:o, s:o, s:o}", "document", cs_result_size (d->document), "corpus",
                    cs_result_size (d->corpus), "tokens", cs_result_size (d->n_tokens), "kl",
                    cs_result_real (d->kl), "beginning", cs_result_text (d->beginning));
}

static json_t *
class_json (const CsBaselineClass *c)
{
  return json_pack ("{s:s, s:o, s:o, s:o, s:o}", "class", cs_token_class_name (c->class), "count",
                    cs_result_size (c->count), "kl", cs_result_real (c->kl), "lo",
                    cs_result_real (c->lo), "hi", cs_result_real (c->hi));
}

static json_t *
difference_json (const CsBaselineDifference *d)
{
  return json_pack ("{s:o, s:o, s:o, s:o, s:o}", "name", cs_result_text (d->name), "count",
                    cs_result_size (d->count), "norm", cs_result_real (d->norm), "relative",
                    cs_result_real (d->relative), "lens", cs_lens_to_json (d->lens));
}

static json_t *
component_json (const CsBaselineComponent *c)
{
  return json_pack ("{s:o, s:o}", "share", cs_result_real (c->share), "lens",
                    cs_lens_to_json (c->lens));
}

static json_t *
settings_json (const CsBaselines *b)
{
  return json_pack ("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                    "format_version", FORMAT_VERSION, "base_model", cs_result_text (b->base_model),
                    "base_hash", cs_result_text (b->base_hash), "chat_model",
                    cs_result_text (b->chat_model), "chat_hash", cs_result_text (b->chat_hash),
                    "layer", cs_result_size (b->layer), "corpora", cs_result_names (b->corpora),
                    "documents", cs_result_size (b->n_documents), "tokens",
                    cs_result_size (b->n_tokens), "bootstrap_draws", cs_result_size (b->n_draws),
                    "seed", json_integer ((json_int_t)b->seed), "kl", cs_result_real (b->kl),
                    "kl_lo", cs_result_real (b->lo), "kl_hi", cs_result_real (b->hi));
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
get_class (json_t *object, const char *name, CsTokenClass *class, GError **error)
{
  const char *text = json_string_value (json_object_get (object, "class"));

  for (int i = 0; i < CS_TOKEN_N_CLASSES; i++)
    if (g_strcmp0 (text, cs_token_class_name ((CsTokenClass)i)) == 0)
      {
        *class = (CsTokenClass)i;
        return true;
      }
  return cs_result_refuse (name, "a token's class is not known", error);
}

static bool
read_token (json_t *object, const char *name, void *item, GError **error)
{
  CsBaselineToken *t = item;

  return cs_result_get_size (object, name, "document", &t->document, error) &&
         cs_result_get_size (object, name, "position", &t->position, error) &&
         get_class (object, name, &t->class, error) &&
         cs_result_get_real (object, name, "kl", &t->kl, error) &&
         cs_result_get_text (object, name, "context", &t->context, error) &&
         cs_result_get_text (object, name, "token", &t->token, error) &&
         cs_result_get_text (object, name, "chat_next", &t->chat_next, error) &&
         cs_result_get_text (object, name, "base_next", &t->base_next, error) &&
         cs_result_get_real (object, name, "chat_probability", &t->chat_probability, error) &&
         cs_result_get_real (object, name, "base_probability", &t->base_probability, error);
}

static bool
read_document (json_t *object, const char *name, void *item, GError **error)
{
  CsBaselineDocument *d = item;

  return cs_result_get_size (object, name, "document", &d->document, error) &&
         cs_result_get_size (object, name, "corpus", &d->corpus, error) &&
         cs_result_get_size (object, name, "tokens", &d->n_tokens, error) &&
         cs_result_get_real (object, name, "kl", &d->kl, error) &&
         cs_result_get_text (object, name, "beginning", &d->beginning, error);
}

static bool
read_class (json_t *object, const char *name, void *item, GError **error)
{
  CsBaselineClass *c = item;

  return get_class (object, name, &c->class, error) &&
         cs_result_get_size (object, name, "count", &c->count, error) &&
         cs_result_get_real (object, name, "kl", &c->kl, error) &&
         cs_result_get_real (object, name, "lo", &c->lo, error) &&
         cs_result_get_real (object, name, "hi", &c->hi, error);
}

static bool
read_difference (json_t *object, const char *name, void *item, GError **error)
{
  CsBaselineDifference *d = item;

  d->lens = cs_lens_from_json (json_object_get (object, "lens"), name, error);
  return d->lens != NULL && cs_result_get_text (object, name, "name", &d->name, error) &&
         cs_result_get_size (object, name, "count", &d->count, error) &&
         cs_result_get_real (object, name, "norm", &d->norm, error) &&
         cs_result_get_real (object, name, "relative", &d->relative, error);
}

static bool
read_component (json_t *object, const char *name, void *item, GError **error)
{
  CsBaselineComponent *c = item;

  c->lens = cs_lens_from_json (json_object_get (object, "lens"), name, error);
  return c->lens != NULL && cs_result_get_real (object, name, "share", &c->share, error);
}

static bool
read_all (json_t *root, const char *name, CsBaselines *b, GError **error)
{
  size_t seed = 0;

  if (!cs_result_get_size (root, name, "seed", &seed, error))
    return false;
  b->seed = seed;
#define LIST(key, read, items, n)                                                                  \
  cs_result_get_list (root, name, key, read, sizeof *b->items, (void **)&b->items, &b->n, error)
  return cs_result_get_text (root, name, "base_model", &b->base_model, error) &&
         cs_result_get_text (root, name, "base_hash", &b->base_hash, error) &&
         cs_result_get_text (root, name, "chat_model", &b->chat_model, error) &&
         cs_result_get_text (root, name, "chat_hash", &b->chat_hash, error) &&
         cs_result_get_size (root, name, "layer", &b->layer, error) &&
         cs_result_get_size (root, name, "documents", &b->n_documents, error) &&
         cs_result_get_size (root, name, "tokens", &b->n_tokens, error) &&
         cs_result_get_size (root, name, "bootstrap_draws", &b->n_draws, error) &&
         cs_result_get_real (root, name, "kl", &b->kl, error) &&
         cs_result_get_real (root, name, "kl_lo", &b->lo, error) &&
         cs_result_get_real (root, name, "kl_hi", &b->hi, error) &&
         cs_result_get_names (root, name, "corpora", &b->corpora, error) &&
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
  g_autoptr (json_t) root = cs_result_open (path, FORMAT_VERSION, error);
  g_autoptr (CsBaselines) b = g_new0 (CsBaselines, 1);

  if (root == NULL || !read_all (root, path, b, error))
    return NULL;
  return g_steal_pointer (&b);
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
                            cs_token_class_name (b->classes[i].class), b->classes[i].count,
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
