// Change the text and save: a new version is published, and the alias goes on leading to the old one.
module.exports = async () => ({ status: 200, body: "first release\n" })
