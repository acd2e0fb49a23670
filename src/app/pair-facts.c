#include "pair-facts.h"

#include <glib/gi18n.h>

#include "harvest.h"
#include "model.h"
#include "store.h"

typedef struct
{
  CsPairSource *pair;
  char *store_path;
} Request;

static void
request_free (void *data)
{
  Request *request = data;

  cs_pair_source_unref (request->pair);
  g_free (request->store_path);
  g_free (request);
}

static void
model_facts_free (CsModelFacts *facts)
{
  if (facts == NULL)
    return;
  g_free (facts->name);
  g_free (facts->architecture);
  g_free (facts->dtype);
  g_free (facts->problem);
  g_free (facts);
}

void
cs_pair_facts_free (CsPairFacts *facts)
{
  model_facts_free (facts->model[0]);
  model_facts_free (facts->model[1]);
  g_clear_pointer (&facts->checks, g_array_unref);
  g_clear_pointer (&facts->rendering, cs_rendering_free);
  g_free (facts->template_problem);
  g_free (facts);
}

static void
copy_config (CsModelFacts *facts, const CsModel *model)
{
  const CsModelConfig *config = cs_model_config (model);

  facts->architecture = g_strdup (config->model_type);
  facts->dtype = g_strdup (cs_model_dtype (model));
  facts->n_layers = config->n_layers;
  facts->d_model = config->d_model;
  facts->n_heads = config->n_heads;
  facts->n_kv_heads = config->n_kv_heads;
  facts->d_ff = config->d_ff;
  facts->max_position = config->max_position;
  facts->vocab_size = config->vocab_size;
  facts->n_parameters = cs_model_n_parameters (model);
  facts->file_bytes = cs_model_file_bytes (model);
}

static CsModelFacts *
read_model (const char *folder)
{
  CsModelFacts *facts = g_new0 (CsModelFacts, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsModel) model = cs_model_open (folder, &error);
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (folder, NULL);
  g_autoptr (CsChatTemplate) chat = cs_chat_template_open (folder, NULL);

  facts->name = g_path_get_basename (folder);
  if (model != NULL)
    copy_config (facts, model);
  else
    facts->problem = g_strdup (error->message);
  facts->n_tokens = tokenizer != NULL ? cs_tokenizer_vocab_size (tokenizer) : 0;
  facts->has_template = chat != NULL;
  return facts;
}

/* A short conversation as the chat model reads it, with the beginning of the answer that comes next. The base model's
 * template is taken where the chat model has none. */
static void
render_sample (CsPairFacts *facts, const CsPairSource *pair)
{
  char user[] = "user", assistant[] = "assistant";
  char question[] = "Which of the two rivers is longer?", answer[] = "The northern one.";
  char thanks[] = "Thank you. By how much?";
  const CsMessage messages[] = { { user, question }, { assistant, answer }, { user, thanks } };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (pair->folder[1], &error);
  g_autoptr (CsChatTemplate) chat =
    tokenizer != NULL ? cs_chat_template_open_pair (pair->folder[1], pair->folder[0], &error) : NULL;

  if (chat != NULL && cs_chat_template_set_date (chat, pair->date, &error))
    facts->rendering =
      cs_chat_render (chat, tokenizer, messages, G_N_ELEMENTS (messages), true, &error);
  if (error != NULL)
    facts->template_problem = g_strdup (error->message);
}

static void
facts_thread (GTask *task, void *source, void *data, GCancellable *cancellable)
{
  const Request *request = data;
  char *const *folder = request->pair->folder;
  CsPairFacts *facts = g_new0 (CsPairFacts, 1);
  g_autoptr (CsStore) store =
    request->store_path != NULL && g_file_test (request->store_path, G_FILE_TEST_EXISTS)
      ? cs_store_open (request->store_path, false, NULL)
      : NULL;

  facts->store_layer = store != NULL ? (gssize) cs_store_info (store)->layer : -1;
  for (int i = 0; i < 2; i++)
    if (folder[i] != NULL)
      facts->model[i] = read_model (folder[i]);
  if (folder[1] != NULL)
    render_sample (facts, request->pair);
  if (folder[0] != NULL && folder[1] != NULL && !g_cancellable_is_cancelled (cancellable))
    facts->checks = cs_pair_checks (folder[0], folder[1]);
  g_task_return_pointer (task, facts, (GDestroyNotify) cs_pair_facts_free);
}

void
cs_pair_facts_async (GObject *source,
                     CsPairSource *pair,
                     const char *store_path,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     void *data)
{
  g_autoptr (GTask) task = g_task_new (source, cancellable, callback, data);
  Request *request = g_new0 (Request, 1);

  request->pair = cs_pair_source_ref (pair);
  request->store_path = g_strdup (store_path);
  g_task_set_task_data (task, request, request_free);
  g_task_run_in_thread (task, facts_thread);
}

CsPairFacts *
cs_pair_facts_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
