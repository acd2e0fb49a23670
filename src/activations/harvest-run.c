#include "harvest-run.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "errors.h"

enum
{
  SLOT_FREE,
  SLOT_WAITING,
  SLOT_RUNNING,
  SLOT_DONE
};

typedef struct
{
  CsRunner *runner;
  pthread_t thread;
  bool started;
  CsSession *sessions[2];
  float *into; /* rows of the document that is run, for the taps */
  int model;   /* the one that is running */
} Worker;

/* A ring: documents go in at `head`, are taken up at `next` and come out at `tail`; the three only
 * grow. All states and counters are under the lock, a slot's content belongs to whom its state
 * says. */
struct CsRunner
{
  CsModel *models[2];
  size_t layer, d_model;
  CsRunnerSlot *slots;
  size_t n_slots, head, next, tail;
  Worker *workers;
  unsigned n_workers;
  bool stop;
  pthread_mutex_t lock;
  pthread_cond_t submitted, done;
};

static void
tap_rows (void *data, size_t first_position, size_t n_rows, float *rows)
{
  Worker *worker = data;
  size_t d = worker->runner->d_model;

  for (size_t i = 0; i < n_rows; i++)
    memcpy (worker->into + ((first_position + i) * 2 + (size_t)worker->model) * d, rows + i * d,
            d * sizeof *rows);
}

static void
run_document (Worker *worker, CsRunnerSlot *slot)
{
  size_t n = slot->ids->len;
  size_t size = n * 2 * worker->runner->d_model;

  if (size > slot->rows_size)
    {
      g_free (slot->rows);
      slot->rows = g_new (float, size);
      slot->rows_size = size;
    }
  worker->into = slot->rows;
  for (worker->model = 0; worker->model < 2; worker->model++)
    {
      CsSession *session = worker->sessions[worker->model];

      cs_session_reset (session);
      if (!cs_session_forward (session, (const int32_t *)(const void *)slot->ids->data, n,
                               worker->runner->layer + 1, CS_LOGITS_NONE, NULL, &slot->error))
        return;
    }
}

static void *
work (void *data)
{
  Worker *worker = data;
  CsRunner *runner = worker->runner;

  pthread_mutex_lock (&runner->lock);
  while (!runner->stop)
    {
      CsRunnerSlot *slot;

      if (runner->next == runner->head)
        {
          pthread_cond_wait (&runner->submitted, &runner->lock);
          continue;
        }
      slot = &runner->slots[runner->next++ % runner->n_slots];
      slot->state = SLOT_RUNNING;
      pthread_mutex_unlock (&runner->lock);
      run_document (worker, slot);
      pthread_mutex_lock (&runner->lock);
      slot->state = SLOT_DONE;
      pthread_cond_signal (&runner->done);
    }
  pthread_mutex_unlock (&runner->lock);
  return NULL;
}

static bool
start_worker (CsRunner *runner, Worker *worker, size_t max_document)
{
  CsTap tap = { runner->layer + 1, tap_rows, worker };

  worker->runner = runner;
  for (int m = 0; m < 2; m++)
    {
      worker->sessions[m] = cs_session_new (runner->models[m], NULL, max_document);
      if (worker->sessions[m] == NULL)
        return false;
      cs_session_set_taps (worker->sessions[m], &tap, 1);
    }
  worker->started = pthread_create (&worker->thread, NULL, work, worker) == 0;
  return worker->started;
}

CsRunner *
cs_runner_new (CsModel *base,
               CsModel *chat,
               size_t layer,
               size_t max_document,
               unsigned n_threads,
               GError **error)
{
  CsRunner *runner = g_new0 (CsRunner, 1);

  runner->models[0] = base;
  runner->models[1] = chat;
  runner->layer = layer;
  runner->d_model = cs_model_config (base)->d_model;
  runner->n_workers = n_threads > 0 ? n_threads : g_get_num_processors ();
  runner->n_slots = 3 * (size_t)runner->n_workers;
  runner->slots = g_new0 (CsRunnerSlot, runner->n_slots);
  runner->workers = g_new0 (Worker, runner->n_workers);
  for (size_t i = 0; i < runner->n_slots; i++)
    runner->slots[i].ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  pthread_mutex_init (&runner->lock, NULL);
  pthread_cond_init (&runner->submitted, NULL);
  pthread_cond_init (&runner->done, NULL);
  for (unsigned i = 0; i < runner->n_workers; i++)
    if (!start_worker (runner, &runner->workers[i], max_document))
      {
        g_set_error (error, CS_ERROR, CS_ERROR_IO,
                     "Thread %u to run the models could not be started; use fewer threads.", i + 1);
        cs_runner_free (runner);
        return NULL;
      }
  return runner;
}

void
cs_runner_free (CsRunner *runner)
{
  if (runner == NULL)
    return;
  pthread_mutex_lock (&runner->lock);
  runner->stop = true;
  pthread_cond_broadcast (&runner->submitted);
  pthread_mutex_unlock (&runner->lock);
  for (unsigned i = 0; i < runner->n_workers; i++)
    {
      if (runner->workers[i].started)
        pthread_join (runner->workers[i].thread, NULL);
      for (int m = 0; m < 2; m++)
        g_clear_pointer (&runner->workers[i].sessions[m], cs_session_free);
    }
  for (size_t i = 0; i < runner->n_slots; i++)
    {
      g_array_unref (runner->slots[i].ids);
      g_free (runner->slots[i].rows);
      g_clear_error (&runner->slots[i].error);
    }
  pthread_mutex_destroy (&runner->lock);
  pthread_cond_destroy (&runner->submitted);
  pthread_cond_destroy (&runner->done);
  g_free (runner->slots);
  g_free (runner->workers);
  g_free (runner);
}

CsRunnerSlot *
cs_runner_free_slot (CsRunner *runner)
{
  CsRunnerSlot *slot = NULL;

  pthread_mutex_lock (&runner->lock);
  if (runner->head - runner->tail < runner->n_slots)
    slot = &runner->slots[runner->head % runner->n_slots];
  pthread_mutex_unlock (&runner->lock);
  return slot;
}

void
cs_runner_submit (CsRunner *runner)
{
  pthread_mutex_lock (&runner->lock);
  runner->slots[runner->head++ % runner->n_slots].state = SLOT_WAITING;
  pthread_cond_signal (&runner->submitted);
  pthread_mutex_unlock (&runner->lock);
}

static struct timespec
time_from_now (int milliseconds)
{
  struct timespec until;

  clock_gettime (CLOCK_REALTIME, &until);
  until.tv_nsec += (long)milliseconds * 1000000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  return until;
}

CsRunnerSlot *
cs_runner_take (CsRunner *runner, int milliseconds)
{
  struct timespec until = time_from_now (milliseconds);
  CsRunnerSlot *slot = NULL;

  pthread_mutex_lock (&runner->lock);
  if (runner->tail < runner->head)
    {
      slot = &runner->slots[runner->tail % runner->n_slots];
      while (slot->state != SLOT_DONE &&
             pthread_cond_timedwait (&runner->done, &runner->lock, &until) != ETIMEDOUT)
        continue;
      if (slot->state != SLOT_DONE)
        slot = NULL;
    }
  pthread_mutex_unlock (&runner->lock);
  return slot;
}

void
cs_runner_release (CsRunner *runner)
{
  pthread_mutex_lock (&runner->lock);
  runner->slots[runner->tail++ % runner->n_slots].state = SLOT_FREE;
  pthread_mutex_unlock (&runner->lock);
}

size_t
cs_runner_under_way (CsRunner *runner)
{
  size_t n;

  pthread_mutex_lock (&runner->lock);
  n = runner->head - runner->tail;
  pthread_mutex_unlock (&runner->lock);
  return n;
}
