/* A phone made of sofia-sip's nua, driven over stdin and stdout: see phone.py.
 *
 *   nua AOR PROXY TRANSPORT PASSWORD CERTIFICATES
 *
 * The realm is the host of AOR. In the folder CERTIFICATES are cafile.pem, whom it trusts, and
 * agent.pem, what it shows.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct phone phone;
#define SU_ROOT_MAGIC_T phone
#define NUA_MAGIC_T phone
#include <sofia-sip/msg_mime.h>
#include <sofia-sip/nua.h>
#include <sofia-sip/su_string.h>
#include <sofia-sip/su_wait.h>
#include <sofia-sip/tport_tag.h>

struct phone {
  su_home_t home[1];
  su_root_t *root;
  nua_t *nua;
  nua_handle_t *watch;
  char credentials[256];
};

static void print_document(sip_content_type_t const *type, char const *text, size_t length)
{
  printf("\t%s\t", type ? type->c_type : "none");
  for (; length > 0; text++, length--)
    putchar(*text == '\r' || *text == '\n' || *text == '\t' ? ' ' : *text);
}

static void print_notify(phone *self, sip_t const *sip)
{
  sip_subscription_state_t const *state = sip->sip_subscription_state;
  sip_payload_t const *body = sip->sip_payload;

  printf("notify\t%s", state ? state->ss_substate : "none");
  if (state && state->ss_expires)
    printf(";expires=%s", state->ss_expires);
  if (state && state->ss_reason)
    printf(";reason=%s", state->ss_reason);
  if (body && sip->sip_content_type &&
      su_casematch(sip->sip_content_type->c_type, "multipart/mixed")) {
    msg_multipart_t *part =
      msg_multipart_parse(self->home, sip->sip_content_type, (sip_payload_t *)body);
    if (!part)
      print_document(NULL, body->pl_data, body->pl_len);
    for (; part; part = part->mp_next)
      print_document(part->mp_content_type, part->mp_payload->pl_data, part->mp_payload->pl_len);
  } else if (body) {
    print_document(sip->sip_content_type, body->pl_data, body->pl_len);
  }
  putchar('\n');
}

static void on_event(nua_event_t event, int status, char const *phrase, nua_t *nua, phone *self,
                     nua_handle_t *handle, nua_hmagic_t *of_handle, sip_t const *sip,
                     tagi_t tags[])
{
  (void)nua, (void)handle, (void)of_handle, (void)tags;
  if (event == nua_i_notify && sip)
    print_notify(self, sip);
  else if (status == 401 || status == 407)
    nua_authenticate(handle, NUTAG_AUTH(self->credentials), TAG_END());
  else if ((event == nua_r_subscribe || event == nua_r_unsubscribe) && status >= 300)
    printf("failed\t%d %s\n", status, phrase);
  else if (event == nua_r_unsubscribe && status >= 200)
    puts("ended");
  else if (event == nua_r_shutdown && status >= 200)
    su_root_break(self->root);
  fflush(stdout);
}

static void obey(phone *self, char *line)
{
  char *body = line + strlen("subscribe");

  if (strcmp(line, "unsubscribe") == 0)
    nua_unsubscribe(self->watch, TAG_END());
  else if (*body == ' ')
    nua_subscribe(self->watch, SIPTAG_EVENT_STR("as-feature-event"), SIPTAG_EXPIRES_STR("3600"),
                  SIPTAG_CONTENT_TYPE_STR("application/x-as-feature-event+xml"),
                  SIPTAG_PAYLOAD_STR(body + 1), TAG_END());
  else
    nua_subscribe(self->watch, SIPTAG_EVENT_STR("as-feature-event"), SIPTAG_EXPIRES_STR("3600"),
                  TAG_END());
}

/* One command a read: who commands waits for what comes of it. */
static int on_input(phone *self, su_wait_t *wait, su_wakeup_arg_t *none)
{
  char line[4096];
  ssize_t length = read(STDIN_FILENO, line, sizeof line - 1);

  (void)wait, (void)none;
  if (length <= 0) {
    su_root_unregister(self->root, wait, on_input, NULL);
    nua_shutdown(self->nua);
    return 0;
  }
  line[length] = '\0';
  line[strcspn(line, "\n")] = '\0';
  obey(self, line);
  return 0;
}

int main(int count, char *words[])
{
  phone self[1] = {0};
  char contact[64], user[64], host[64];
  su_wait_t input[1];

  if (count != 6 || su_init() != 0 || su_home_init(self->home) != 0)
    return 2;
  self->root = su_root_create(self);
  su_root_threading(self->root, 0);
  if (sscanf(words[1], "sip:%63[^@]@%63s", user, host) != 2)
    return 2;
  snprintf(self->credentials, sizeof self->credentials, "Digest:\"%s\":%s:%s", host, user, words[4]);
  if (strcmp(words[3], "tls") == 0)
    strcpy(contact, "sips:127.0.0.1:*"); /* it binds TLS to no other scheme */
  else
    snprintf(contact, sizeof contact, "sip:127.0.0.1:*;transport=%s", words[3]);
  self->nua = nua_create(self->root, on_event, self, NUTAG_URL(contact), NUTAG_PROXY(words[2]),
                         NUTAG_USER_AGENT("nua"), NUTAG_CERTIFICATE_DIR(words[5]),
                         TPTAG_TLS_VERIFY_POLICY(TPTLS_VERIFY_OUT), TAG_END());
  if (!self->nua)
    return 1;
  self->watch = nua_handle(self->nua, NULL, SIPTAG_FROM_STR(words[1]), SIPTAG_TO_STR(words[1]),
                           NUTAG_URL(words[1]), TAG_END());
  su_wait_create(input, STDIN_FILENO, SU_WAIT_IN);
  su_root_register(self->root, input, on_input, NULL, 0);
  puts("ready");
  fflush(stdout);
  su_root_run(self->root);
  nua_handle_destroy(self->watch);
  nua_destroy(self->nua);
  su_root_destroy(self->root);
  su_home_deinit(self->home);
  su_deinit();
  return 0;
}
