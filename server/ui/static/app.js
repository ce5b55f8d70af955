// Deletes groups. Everything else on the page works without this script.

/** @param {HTMLButtonElement} button */
async function deleteGroup(button) {
  const { path, group } = button.dataset
  if (path === undefined || !window.confirm(`Delete the group {${group}} and all its metrics?`))
    return
  button.disabled = true
  try {
    const response = await fetch(path, { method: 'DELETE' })
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    button.closest('section')?.remove()
    await refreshCount()
  } catch (error) {
    button.disabled = false
    window.alert(`The group was not deleted: ${error}`)
  }
}

/** Shows how many groups there are now, as the server says it. */
async function refreshCount() {
  const page = new DOMParser().parseFromString(
    await (await fetch(location.href)).text(),
    'text/html',
  )
  const [here, there] = [document, page].map((from) => from.querySelector('[role=status]'))
  if (here && there) here.textContent = there.textContent
}

document.addEventListener('click', (event) => {
  const target = event.target
  if (target instanceof HTMLButtonElement && target.classList.contains('delete'))
    void deleteGroup(target)
})
