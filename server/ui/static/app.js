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
  } catch (error) {
    button.disabled = false
    window.alert(`The group was not deleted: ${error}`)
  }
}

document.addEventListener('click', (event) => {
  const target = event.target
  if (target instanceof HTMLButtonElement && target.classList.contains('delete'))
    void deleteGroup(target)
})
