/* A double of libnvidia-ml: GPUS says how many there are, FAIL=FUNCTION=CODE lets one function fail, MODE is their persistence. */
#include <stdlib.h>
#include <string.h>

struct memory { unsigned long long total, free, used; };

static int answer(const char *function) {
    const char *fail = getenv("FAIL");
    size_t length = strlen(function);
    return fail && !strncmp(fail, function, length) && fail[length] == '=' ? atoi(fail + length + 1) : 0;
}

static unsigned gpus(void) { return getenv("GPUS") ? (unsigned)atoi(getenv("GPUS")) : 1; }

int nvmlInit_v2(void) { return answer("nvmlInit_v2"); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 999 ? "Unknown Error" : "Something Else"; }

int nvmlSystemGetDriverVersion(char *text, unsigned length) {
    strncpy(text, "595.84", length);
    return answer("nvmlSystemGetDriverVersion");
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = gpus();
    return answer("nvmlDeviceGetCount_v2");
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    *device = (void *)(size_t)(index + 1);
    return answer("nvmlDeviceGetHandleByIndex_v2");
}

int nvmlDeviceGetName(void *device, char *text, unsigned length) {
    strncpy(text, device == (void *)1 ? "NVIDIA GeForce RTX 2070 SUPER" : "NVIDIA GeForce RTX 3090", length);
    return answer("nvmlDeviceGetName");
}

int nvmlDeviceGetMemoryInfo(void *device, struct memory *memory) {
    (void)device;
    memory->total = 8ULL << 30;
    return answer("nvmlDeviceGetMemoryInfo");
}

int nvmlDeviceGetPersistenceMode(void *device, unsigned *mode) {
    (void)device;
    *mode = getenv("MODE") ? (unsigned)atoi(getenv("MODE")) : 1;
    return answer("nvmlDeviceGetPersistenceMode");
}
